"""Training with Lightning's Trainer; only this package imports lightning or a logger."""

from alexcli.lit.lightning_import import import_lightning

import_lightning()
