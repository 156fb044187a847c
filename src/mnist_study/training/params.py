"""The parameters of training: those of any net, and how to compute."""

from typing import Literal

from pydantic import ValidationInfo, field_validator

from studykit.params import Count, Positive, Section, Seed, Switch

Activation = Literal["elu", "gelu", "leaky_relu", "relu", "selu", "sigmoid", "silu", "tanh"]
InstructionSet = Literal["ALL", "AVX512_CORE", "AVX2", "AVX", "SSE41"]  # as oneDNN calls them
Optimizer = Literal["adam", "adamw", "nadam", "rmsprop", "sgd"]


class Training(Section):
    """What the training of any net needs; each net's section adds its own."""

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

    @field_validator("jit_compile")
    @classmethod
    def _leaves_parts_of_a_batch_to_tensorflow(cls, jit_compile, info: ValidationInfo):
        if jit_compile and info.data.get("shards", 1) > 1:  # nor would they run side by side
            raise ValueError("false with more than one of shards, whose sums XLA cannot compile")
        return jit_compile


class Compute(Section):
    """The section compute."""

    seed: Seed
    deterministic: Switch
    instruction_set: InstructionSet
    steps_per_execution: Count
