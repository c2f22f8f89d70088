"""Known sources of pictures: what they hold, under what terms, how to get them."""

COLUMNS = ("name", "pictures", "classes", "size", "licence", "how to get it")

# Counts and terms as their publishers state them (image-net.org, fast.ai, cs.toronto.edu/~kriz).
SOURCES = (
    (
        "quick start",
        "5,000 + 1,000 (any number)",
        "10",
        "drawn in a second",
        "MIT, as this program",
        "alexcli train",
    ),
    (
        "CIFAR-10",
        "50,000 + 10,000 of 32 px",
        "10",
        "170 MB",
        "none stated; cite Krizhevsky 2009",
        "alexcli data prepare cifar10 DEST download=true",
    ),
    (
        "Imagenette",
        "9,469 + 3,925",
        "10",
        "1.5 GB",
        "Apache 2.0 (list); pictures as ImageNet's",
        "alexcli data prepare imagenette DEST download=true",
    ),
    (
        "ILSVRC-2012",
        "1,281,167 + 50,000",
        "1,000",
        "138 GB + 6.3 GB",
        "non-commercial research, on request",
        "register at image-net.org, put the archives in DIR: alexcli data prepare DIR DEST",
    ),
    (
        "ILSVRC-2010",
        "1,261,406 + 50,000 + 150,000",
        "1,000",
        "124 GB",
        "non-commercial research, on request",
        "register at image-net.org, sort into DIR/train/CLASS, val/CLASS, test/CLASS",
    ),
    (
        "ImageNet Fall 2011",
        "14,197,122",
        "21,841",
        "1.3 TB",
        "non-commercial research, on request",
        "register at image-net.org, unpack into DIR/train/WNID, then data.val=0.5",
    ),
    (
        "your own",
        "any",
        "2 or more",
        "any",
        "yours",
        "DIR/train/CLASS/* and DIR/val/CLASS/*: alexcli data prepare DIR DEST",
    ),
)
