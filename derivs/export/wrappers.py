"""What JAX and PyTorch need to take a gradient from NAME_backward: a custom_vjp, an autograd.Function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap

from derivs.errors import Unsupported

INDENT = "    "
LONGEST = 110                          # characters of a line


@dataclass(frozen=True, slots=True)
class Signature:
    """How the two functions are called.

    arguments: of the forward pass; inputs: those of them that are arrays, and scalars those that are numbers.
    upstream: the cotangents of the backward pass; gradients: by the name of the input. cached: how many arrays there
    are in the cache; integers: what follows them.
    """

    name: str
    title: str
    arguments: tuple[str, ...]
    inputs: tuple[str, ...]
    scalars: tuple[str, ...]
    upstream: tuple[str, ...]
    gradients: Mapping[str, str]
    cached: int
    integers: tuple[str, ...]
    is_loss: bool

    def backward(self, cache: str) -> str:
        """The call of the backward pass."""
        handed = (cache, *self.upstream) if self.is_loss else (*self.upstream, cache)
        return f"{self.name}_backward({', '.join(handed)})"


def custom_vjp(of: Signature) -> str:
    """NAME(inputs) for JAX. Integers and functions are arguments that are not differentiated by."""
    constant = [k for k, name in enumerate(of.arguments) if name not in of.inputs]
    fixed = [of.arguments[k] for k in constant]
    if lost := [name for name in of.integers if name not in fixed]:
        raise Unsupported(f"the size {', '.join(lost)} is known to the forward pass alone", where=of.name)
    arrow, forward = ", ".join(of.arguments), f"{of.name}_forward"
    lines = [
        f"@partial(jax.custom_vjp, nondiff_argnums={tuple(constant)})" if constant else "@jax.custom_vjp",
        f"def {of.name}({arrow}):",
        f'{INDENT}"""{of.title}; jax.grad and jax.vjp use {of.name}_backward."""',
        f"{INDENT}return {forward}({arrow})[0]", "", ""]
    if of.integers:                    # an integer is no residual: the vjp is handed it again
        forward = f"_{forward}"
        lines += [f"def {forward}({arrow}):", f"{INDENT}out, cache = {of.name}_forward({arrow})",
                  f"{INDENT}return out, cache[:{of.cached}]", "", ""]
    cotangents = of.upstream[0] if len(of.upstream) == 1 else "cotangents"
    lines.append(f"def _{of.name}_backward({', '.join([*fixed, 'cache', cotangents])}):")
    if len(of.upstream) > 1:
        lines.append(f"{INDENT}{', '.join(of.upstream)} = cotangents")
    cache = f"(*cache, {', '.join(of.integers)})" if of.integers else "cache"
    returned = [of.gradients.get(name, "None") for name in of.arguments if name not in fixed]
    lines += [*assigned(of.gradients.values(), of.backward(cache)),
              *enclosed(f"{INDENT}return ", returned), "", "",
              f"{of.name}.defvjp({forward}, _{of.name}_backward)"]
    return "\n".join(lines) + "\n"


def autograd_function(of: Signature) -> str:
    """A torch.autograd.Function, and NAME(inputs), which applies it."""
    arrow = ", ".join(of.arguments)
    class_name = "".join(word.capitalize() for word in of.name.split("_"))
    arrays = next((name for name in of.inputs if name not in of.scalars), "")
    kind = f", dtype={arrays}.dtype, device={arrays}.device" if arrays else ""
    saved = f"{INDENT * 2}ctx.save_for_backward(*cache{f'[:{of.cached}]' if of.integers else ''})"
    lines = [
        f"class {class_name}(torch.autograd.Function):",
        f'{INDENT}"""{of.title}, its gradient by {of.name}_backward."""', "",
        f"{INDENT}@staticmethod", f"{INDENT}def forward(ctx, {arrow}):",
        f"{INDENT * 2}out, cache = {of.name}_forward({arrow})", saved,
        *([f"{INDENT * 2}ctx.integers = cache[{of.cached}:]"] if of.integers else []),
        f"{INDENT * 2}return out", "",
        f"{INDENT}@staticmethod", f"{INDENT}@torch.autograd.function.once_differentiable",
        f"{INDENT}def backward(ctx, {', '.join(of.upstream)}):",
        f"{INDENT * 2}cache = " + ("(*ctx.saved_tensors, *ctx.integers)" if of.integers else "ctx.saved_tensors"),
        *(INDENT + line for line in assigned(of.gradients.values(), of.backward("cache"))),
        *enclosed(f"{INDENT * 2}return ", [of.gradients.get(name, "None") for name in of.arguments]), "", "",
        f"def {of.name}({arrow}):",
        f'{INDENT}"""{of.title}, differentiable by {class_name}."""',
        *(f"{INDENT}{name} = torch.as_tensor({name}{kind})" for name in of.scalars),
        f"{INDENT}return {class_name}.apply({arrow})"]
    return "\n".join(lines) + "\n"


def assigned(names: Iterable[str], value: str) -> list[str]:
    """`a, b = value`, on as many lines as it takes."""
    names = list(names)
    line = f"{INDENT}{', '.join(names)} = {value}"
    if len(line) <= LONGEST:
        return [line]
    return [f"{INDENT}gradients = {value}", *enclosed(INDENT, names, " = gradients")]


def enclosed(head: str, names: Sequence[str], tail: str = "") -> list[str]:
    """`head (a, b, c) tail`, on as many lines as it takes."""
    said = f"({', '.join(names)}{',' * (len(names) == 1)})"
    first, *rest = wrap(said, LONGEST - len(head), break_long_words=False)
    lines = [head + first, *(" " * (len(head) + 1) + line for line in rest)]
    return [*lines[:-1], lines[-1] + tail]
