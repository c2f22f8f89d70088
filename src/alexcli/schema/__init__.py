"""The typed configuration: every key that an experiment may set, with unit, range and source.

Sections cite the 2012 paper ("section 3.3") or the authors' released source ("2012 code": the net
#145 and its parameter files). The dataclasses are unfrozen because OmegaConf merges into them.
"""

from alexcli.schema.net import *  # noqa: F403
from alexcli.schema.run import *  # noqa: F403
