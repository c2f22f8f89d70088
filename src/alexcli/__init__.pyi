from alexcli.api import AlexcliError as AlexcliError
from alexcli.api import RunFailedError as RunFailedError
from alexcli.api import TrainedNet as TrainedNet
from alexcli.api import UsageError as UsageError
from alexcli.api import ablate as ablate
from alexcli.api import build as build
from alexcli.api import load as load
from alexcli.api import params as params
from alexcli.api import train as train

__version__: str
