"""Figure 4, left: pictures with the labels that the net finds most likely."""

import torch

from alexcli.analysis import Subject, worded
from alexcli.results import Analysis, Guess, Panel, Prediction


@torch.no_grad()
def run(subject: Subject) -> Analysis:
    """The five best guesses for each of the subject's pictures, from its centre crop."""
    images, files, labels = subject.pictures()
    p = torch.softmax(subject.net(subject.preprocess.view(images)).float(), dim=1)
    best, found, rows = p.topk(min(5, len(subject.names))), [], []
    for i, (file, label) in enumerate(zip(files, labels, strict=True)):
        names = [subject.names[k] for k in best.indices[i].tolist()]
        guesses = [
            Guess(name, name, p) for name, p in zip(names, best.values[i].tolist(), strict=True)
        ]
        found.append(Prediction(file, guesses, label, label, images[i].cpu().numpy()))
        rows += [[file, label, rank, one.name, one.p] for rank, one in enumerate(guesses, 1)]
    return worded("predictions", [rows], {"subject": subject}, [Panel("guesses", "", found)])
