"""The typed configuration: every key that an experiment may set, with unit, range and source.

Sections cite the 2012 paper ("section 3.3") or the authors' released source ("2012 code": the net
#145 and its parameter files). The dataclasses are unfrozen because OmegaConf merges into them.
"""

from alexcli.schema.ablation import *  # noqa: F403
from alexcli.schema.data import *  # noqa: F403
from alexcli.schema.model import *  # noqa: F403
from alexcli.schema.optim import *  # noqa: F403
from alexcli.schema.train import *  # noqa: F403
