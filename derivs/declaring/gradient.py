"""The loss, what it is a function of, and what is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from derivs.affine import symbol
from derivs.declaring.forward import Forward
from derivs.declaring.text import listed, printable_name
from derivs.errors import IllFormed, nearest
from derivs.expr import Derivative, Entry
from derivs.problem import Tensor, bar
from derivs.reading.introduce import identity, pattern, spelling
from derivs.reading.spelling import key
from derivs.reading.vocabulary import Named, Spelling

ASKED: Final = ("of", "by", "loss", "upstream", "target")


class Gradient(Forward):
    """Adds [gradient]."""

    def gradient(self) -> None:
        said = self.data.get("gradient", {})
        for name in said:
            if name not in ASKED:
                self.errors.append(IllFormed(f"{name!r} is not part of [gradient]", where="[gradient]",
                                             mend=nearest(name, ASKED)))
        for name, tensor in self.tensors.items():
            if tensor.role == "node" and not self.is_defined(Entry(name)):
                self.errors.append(IllFormed("it is said to be defined, and [forward] does not define it",
                                             where=f"[symbols] {self.said_of(name)}",
                                             mend="write its formula in [forward], or give it another role"))
        if not self.errors:
            outputs = self.attempt("[gradient] of", self.outputs, said)
            unknown = self.scalar[0] if self.scalar else ""
            loss = self.attempt("[gradient] loss", self.text_of, said.get("loss", unknown))
            if not self.errors:
                self.attempt("[gradient] loss", self.losses, outputs, loss)
            if not self.errors and "upstream" in said:
                self.attempt("[gradient] upstream", self.upstreams, said["upstream"], outputs)

    def outputs(self, said: Mapping[str, Any]) -> list[str]:
        """The nodes that the loss is a function of."""
        if self.scalar is not None and "of" in said:
            raise IllFormed(f"{self.scalar[0]} is said to be a function of {', '.join(self.scalar[1])} already",
                            mend="leave it out")
        names = list(self.scalar[1]) if self.scalar else listed(said.get("of", []))
        found = [self.tensor_named(name) for name in names]
        for name, tensor in zip(names, found, strict=True):
            if self.tensors[tensor].role != "node":
                raise IllFormed(f"{name} is no node of [forward]",
                                mend=f"write a node that is {name}, such as 'z' = '{name}', and let the loss be of it")
        return list(dict.fromkeys(found))

    def losses(self, outputs: Sequence[str], loss: str) -> None:
        """The loss: a node, or a letter for any smooth function of the outputs."""
        node = self.name(loss) if loss else None
        found = None if node is None else next(iter(self.vocabulary.matches(node)), None)
        if found is not None and isinstance(found.spelling.named.body, Entry):
            letter = found.spelling.named.body.tensor
            if self.tensors[letter].role != "node":
                raise IllFormed(f"{loss} is a symbol", mend="a loss is a node, or a new letter for any function of the "
                                                            "nodes in of")
            outputs = [letter, *(o for o in outputs if o != letter)]
        elif outputs:
            letter = identity(pattern(node, ())) if node else "E"
            if letter in self.vocabulary.sizes:
                raise IllFormed(f"{letter} is a size and also the loss", mend="give one of them another letter")
            while letter in self.tensors:
                letter += "'"
            latex = printable_name(node, pattern(node, ())) if node else None
            self.tensors[letter] = Tensor(letter, (), "loss", latex=latex)
            if node:
                self.vocabulary.add(Spelling(node.base, tuple(map(key, node.below)), tuple(map(key, node.above)),
                                             Named(Entry(letter)), loss))
            elif not self.vocabulary.has_base(letter):
                self.vocabulary.add(Spelling(letter, (), (), Named(Entry(letter)), letter))
        else:
            raise IllFormed("it is not said what is differentiated",
                            mend='write loss = "L" for a node L, or of = "y" and loss = "E" for any function E of y')
        self.vocabulary.losses[key(node.node) if node else letter] = letter
        for tensor in list(self.tensors.values()):
            if tensor.role != "loss":
                self.tensors[bar(tensor.name)] = Tensor(bar(tensor.name), tensor.shape, "cotangent")
        self.problem = replace(self.made, tensors=self.tensors, loss=letter, outputs=tuple(outputs))

    def upstreams(self, said: Any, outputs: Sequence[str]) -> None:
        """The author's letters for the given gradients: of the one output, or by output."""
        if not outputs:
            raise IllFormed("no gradient is given: the loss is computed",
                            mend=r"name a gradient in [aliases]: '\delta' = '\frac{\partial L}{\partial y}'")
        if isinstance(said, dict):
            for output, name in said.items():
                tensor = self.tensor_named(output)
                if tensor not in outputs:
                    raise IllFormed(f"{output} is not among the nodes in of", mend=f'let of = ["{output}", ...]')
                self.upstream(self.text_of(name), tensor)
            return
        name = self.text_of(said)
        if len(outputs) > 1:
            asked = [self.said_of(output) for output in outputs]
            pairs = ", ".join(f"'{one}' = \"d{k}\"" for k, one in enumerate(asked, 1))
            raise IllFormed(f"{name} is one letter for the gradients of {' and '.join(asked)}",
                            mend=f"write upstream = {{{pairs}}}")
        self.upstream(name, outputs[0])

    def upstream(self, name: str, output: str) -> None:
        """The author's letter for one given gradient."""
        tensor = self.tensors[output]
        parameters = tuple(f"@{k}" for k in range(len(tensor.shape)))
        body = Derivative(Entry(self.problem.loss), Entry(tensor.name, tuple(map(symbol, parameters))))
        own = next((s.named for known in self.vocabulary.spellings.values() for s in known
                    if isinstance(s.named.body, Entry) and s.named.body.tensor == tensor.name), None)
        found = self.name(name)
        letters = own.letters if own else ()
        taken = pattern(found, letters)
        self.not_taken(taken, name)
        named = Named(body, parameters, tensor.shape, letters, own.turn if own else "")
        if taken.letters:
            self.vocabulary.add(spelling(taken, named, letters, name))
            return
        plain = Spelling(taken.base, taken.below, taken.above, named, name)
        written = (one for many in self.vocabulary.spellings.values() for one in many)
        slots = next((one.slots for one in written if one.named is own), None)
        if slots is not None:
            self.vocabulary.add(replace(plain, slots=slots))          # \delta^{(i)}, where the node is y^{(i)}
        self.vocabulary.add(plain)

    def said_of(self, tensor: str) -> str:
        """A tensor as its author wrote it."""
        return next((one.said for many in self.vocabulary.spellings.values() for one in many
                     if isinstance(one.named.body, Entry) and one.named.body.tensor == tensor), tensor)

    def tensor_named(self, name: str) -> str:
        written = self.name(name)
        found = next(iter(self.vocabulary.matches(written)), None)
        same = self.vocabulary.spellings.get(written.base, [])
        if found is not None:
            found_body = found.spelling.named.body
        elif len(same) == 1 and not written.below and not written.above:
            found_body = same[0].named.body                                    # y for the node y^{(i)}
        else:
            raise IllFormed(f"{name} is not declared", mend=self.vocabulary.suggestion(written))
        if not isinstance(found_body, Entry):
            raise IllFormed(f"{name} is no node or symbol of its own", mend="write what it is an alias of")
        return found_body.tensor
