"""Confluent's own serializers, for payloads as producers make them; see `line_server.py`."""

import json
import os
import tempfile
from uuid import UUID

import grpc_tools
from aws_schema_registry import codec
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from grpc_tools import protoc

from line_server import serve

# The schema is the subject's latest, which the test has registered.
LATEST = {"auto.register.schemas": False, "use.latest.version": True}


def avro(url, topic, values):
    """Binary values are given as `{"hex": "..."}`."""
    serializer = AvroSerializer(SchemaRegistryClient({"url": url}), conf=LATEST)
    return [serialize(serializer, topic, unhex(value)) for value in values]


def json_schema(url, topic, schema, references, values):
    known = [SchemaReference(**reference) for reference in references]
    serializer = JSONSerializer(Schema(schema, "JSON", known), SchemaRegistryClient({"url": url}), conf=LATEST)
    return [serialize(serializer, topic, value) for value in values]


def protobuf(url, topic, files, message, values):
    """Registers the schemas, as descriptors. `files` by path, the first with the message; values in ProtoJSON."""
    type_ = message_class(files, message)
    serializer = ProtobufSerializer(type_, SchemaRegistryClient({"url": url}), {"use.deprecated.format": False})
    return [serialize(serializer, topic, json_format.ParseDict(value, type_())) for value in values]


def glue(uuid, payload, compress):
    """What the serializers for AWS Glue put around a payload."""
    return codec.encode(bytes.fromhex(payload), UUID(uuid), compression=compress).hex()


def serialize(serializer, topic, value):
    return serializer(value, SerializationContext(topic, MessageField.VALUE)).hex()


def message_class(files, message):
    folder = tempfile.mkdtemp()
    for name, text in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
    output = os.path.join(folder, "descriptors")
    google = os.path.join(os.path.dirname(grpc_tools.__file__), "_proto")
    arguments = [f"-I{folder}", f"-I{google}", "--include_imports", f"--descriptor_set_out={output}", next(iter(files))]
    if protoc.main(["protoc", *arguments]) != 0:
        raise ValueError(f"protoc refuses {next(iter(files))}")
    with open(output, "rb") as file:
        descriptors = descriptor_pb2.FileDescriptorSet.FromString(file.read())
    pool = descriptor_pool.DescriptorPool()
    for descriptor in descriptors.file:
        pool.Add(descriptor)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(message))


def unhex(value):
    if isinstance(value, dict):
        if list(value) == ["hex"]:
            return bytes.fromhex(value["hex"])
        return {name: unhex(member) for name, member in value.items()}
    return [unhex(member) for member in value] if isinstance(value, list) else value


serve({"avro": avro, "json": json_schema, "protobuf": protobuf, "glue": glue})
