"""The parameters of training: those of any net, and how to compute."""

from typing import Literal

from pydantic import ValidationInfo, field_validator

from studykit.params import Count, Positive, Section, Seed, Switch

Activation = Literal["elu", "gelu", "leaky_relu", "relu", "selu", "sigmoid", "silu", "tanh"]
InstructionSet = Literal["ALL", "AVX512_CORE", "AVX2", "AVX", "SSE41"]  # as oneDNN calls them
Optimizer = Literal["adam", "adamw", "nadam", "rmsprop", "sgd"]


class Training(Section):
    """What the training of any net needs; each net's section adds its own."""

    activation: Activation
    optimizer: Optimizer
    learning_rate: Positive
    batch_size: Count
    shards: Count
    jit_compile: Switch
    epochs: Count

    @field_validator("shards")
    @classmethod
    def _leaves_each_an_image(cls, shards, info: ValidationInfo):
        if shards > info.data.get("batch_size", shards):
            raise ValueError(f"at most batch_size, {info.data['batch_size']}")
        return shards


class Compute(Section):
    """The section compute."""

    seed: Seed
    deterministic: Switch
    instruction_set: InstructionSet
    steps_per_execution: Count
