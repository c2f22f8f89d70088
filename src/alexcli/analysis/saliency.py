"""Which pixels the best guess hangs on: the gradient of its score, which the 2012 tool had."""

import numpy as np
import torch

from alexcli.analysis import Subject, sheet, worded
from alexcli.data.transforms import centre
from alexcli.results import Analysis, Panel


def run(subject: Subject) -> Analysis:
    """Each of the subject's pictures, and the gradient of its best guess's score below it."""
    images, files, labels = subject.pictures()
    x = subject.preprocess.view(images).requires_grad_()
    scores = subject.net(x)
    best = scores.argmax(dim=1)
    (gradient,) = torch.autograd.grad(scores.gather(1, best[:, None]).sum(), x)
    strength = gradient.abs().amax(dim=1)  # (N, s, s)
    peak = strength.flatten(1).amax(dim=1).clamp_min(1e-30)
    shown = sheet((strength / peak[:, None, None]).cpu().numpy()[..., None], len(images))
    seen = [centre(image, subject.preprocess.size).cpu().numpy() for image in images]
    names = [subject.names[k] for k in best.tolist()]
    numbers = [gradient.flatten(1).norm(dim=1).tolist(), peak.tolist()]
    rows = [list(row) for row in zip(files, labels, names, *numbers, strict=True)]
    panel = Panel("tiles", "", np.concatenate([[seen], shown]), columns=names)
    return worded("saliency", [rows], {"subject": subject}, [panel])
