"""The messages of Caffe's files that are read: declared here, parsed by protobuf.

Names and numbers are those of BVLC/caffe, src/caffe/proto/caffe.proto. Fields that are not declared
here are skipped by the parser.
"""

from functools import cache
from typing import Any, NamedTuple

from alexcli.errors import UsageError


class Field(NamedTuple):
    """A field of a message."""

    number: int
    type: str
    """A type of protobuf, or one of MESSAGES."""
    repeated: bool = False
    default: str | None = None


_LAYER_PARAMETERS = {
    "transform_param": "TransformationParameter",
    "convolution_param": "ConvolutionParameter",
    "dropout_param": "DropoutParameter",
    "inner_product_param": "InnerProductParameter",
    "lrn_param": "LRNParameter",
    "pooling_param": "PoolingParameter",
    "relu_param": "ReLUParameter",
}


def _layer_parameters(*numbers: int) -> dict[str, Field]:
    """The parameters of a layer, which have different numbers in the two forms."""
    return {
        name: Field(number, message)
        for (name, message), number in zip(_LAYER_PARAMETERS.items(), numbers, strict=True)
    }


MESSAGES: dict[str, dict[str, Field]] = {
    "BlobShape": {"dim": Field(1, "int64", repeated=True)},
    "BlobProto": {
        "num": Field(1, "int64"),
        "channels": Field(2, "int64"),
        "height": Field(3, "int64"),
        "width": Field(4, "int64"),
        # Packed floats are one piece of bytes, which is read at once, not number by number.
        "data": Field(5, "bytes", repeated=True),
        "shape": Field(7, "BlobShape"),
        "double_data": Field(8, "bytes", repeated=True),
    },
    "NetParameter": {
        "name": Field(1, "string"),
        "layers": Field(2, "V1LayerParameter", repeated=True),
        "input": Field(3, "string", repeated=True),
        "input_dim": Field(4, "int64", repeated=True),
        "input_shape": Field(8, "BlobShape", repeated=True),
        "layer": Field(100, "LayerParameter", repeated=True),
    },
    "LayerParameter": {
        "name": Field(1, "string"),
        "type": Field(2, "string"),
        "bottom": Field(3, "string", repeated=True),
        "top": Field(4, "string", repeated=True),
        "blobs": Field(7, "BlobProto", repeated=True),
        **_layer_parameters(100, 106, 108, 117, 118, 121, 123),
        "input_param": Field(143, "InputParameter"),
    },
    "V1LayerParameter": {
        "layer": Field(1, "bytes"),  # of the oldest form, which is only recognized
        "bottom": Field(2, "string", repeated=True),
        "top": Field(3, "string", repeated=True),
        "name": Field(4, "string"),
        "type": Field(5, "int32"),
        "blobs": Field(6, "BlobProto", repeated=True),
        **_layer_parameters(36, 10, 12, 17, 18, 19, 30),
    },
    "InputParameter": {"shape": Field(1, "BlobShape", repeated=True)},
    "TransformationParameter": {
        "scale": Field(1, "float", default="1"),
        "crop_size": Field(3, "uint32"),
        "mean_file": Field(4, "string"),
        "mean_value": Field(5, "float", repeated=True),
    },
    "ConvolutionParameter": {
        "pad": Field(3, "uint32", repeated=True),
        "kernel_size": Field(4, "uint32", repeated=True),
        "group": Field(5, "uint32", default="1"),
        "stride": Field(6, "uint32", repeated=True),
        "pad_h": Field(9, "uint32"),
        "pad_w": Field(10, "uint32"),
        "kernel_h": Field(11, "uint32"),
        "kernel_w": Field(12, "uint32"),
        "stride_h": Field(13, "uint32"),
        "stride_w": Field(14, "uint32"),
        "dilation": Field(18, "uint32", repeated=True),
    },
    "DropoutParameter": {"dropout_ratio": Field(1, "float", default="0.5")},
    "InnerProductParameter": {"transpose": Field(6, "bool")},
    "LRNParameter": {
        "local_size": Field(1, "uint32", default="5"),
        "alpha": Field(2, "float", default="1"),
        "beta": Field(3, "float", default="0.75"),
        "norm_region": Field(4, "int32"),
        "k": Field(5, "float", default="1"),
    },
    "PoolingParameter": {
        "pool": Field(1, "int32"),
        "kernel_size": Field(2, "uint32"),
        "stride": Field(3, "uint32", default="1"),
        "pad": Field(4, "uint32"),
        "kernel_h": Field(5, "uint32"),
        "kernel_w": Field(6, "uint32"),
        "stride_h": Field(7, "uint32"),
        "stride_w": Field(8, "uint32"),
        "pad_h": Field(9, "uint32"),
        "pad_w": Field(10, "uint32"),
        "global_pooling": Field(12, "bool"),
        "round_mode": Field(13, "int32"),
    },
    "ReLUParameter": {"negative_slope": Field(1, "float")},
}

V1_TYPES = {
    1: "Accuracy",
    4: "Convolution",
    5: "Data",
    6: "Dropout",
    8: "Flatten",
    9: "HDF5Data",
    12: "ImageData",
    14: "InnerProduct",
    15: "LRN",
    17: "Pooling",
    18: "ReLU",
    19: "Sigmoid",
    20: "Softmax",
    21: "SoftmaxWithLoss",
    22: "Split",
    23: "TanH",
    24: "WindowData",
    29: "MemoryData",
    32: "DummyData",
    36: "Silence",
}
"""V1LayerParameter.LayerType, by number, with the names of the new form."""


def parse(message: str, content: bytes) -> Any:
    """Parse one of Caffe's messages.

    Args:
        message: a key of MESSAGES.
        content: the bytes of a file.

    Raises:
        UsageError: protobuf is not installed.
        ValueError: the bytes are not those of a message.
    """
    message_class, decode_error = _class(message)
    try:
        return message_class.FromString(content)
    except decode_error as error:
        raise ValueError(str(error)) from error


@cache
def _class(message: str) -> tuple[Any, type[Exception]]:
    """The class of a message, and the error that its parser raises."""
    try:
        from google.protobuf import descriptor_pool, message_factory  # type: ignore[import-untyped]
        from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    except ImportError:
        raise UsageError(
            "Caffe's files are read with the package protobuf, which is not installed here",
            hint="pip install 'alexcli[caffe]'",
        ) from None
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_file())
    descriptor = pool.FindMessageTypeByName(f"caffe.{message}")
    return message_factory.GetMessageClass(descriptor), DecodeError


def _file() -> Any:
    """The messages as protobuf's description of a .proto file."""
    from google.protobuf import descriptor_pb2 as pb2

    types, labels = pb2.FieldDescriptorProto.Type, pb2.FieldDescriptorProto.Label
    file = pb2.FileDescriptorProto(name="alexcli_caffe.proto", package="caffe", syntax="proto2")
    for message_name, fields in MESSAGES.items():
        message = file.message_type.add(name=message_name)
        for name, field in fields.items():
            declared = message.field.add(name=name, number=field.number)
            declared.label = labels.Value("LABEL_REPEATED" if field.repeated else "LABEL_OPTIONAL")
            if field.type in MESSAGES:
                declared.type = types.Value("TYPE_MESSAGE")
                declared.type_name = f".caffe.{field.type}"
            else:
                declared.type = types.Value(f"TYPE_{field.type.upper()}")
            if field.default is not None:
                declared.default_value = field.default
    return file
