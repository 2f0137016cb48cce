"""Which files a project has, what each of them is about, and its text when it is needed."""

import os
import re
import stat
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from types import MappingProxyType

from .again import State, in_short, is_settled
from .cache import Cache
from .files import SourceFile, UnreadableError, decoded

# What stands for files instead of what is on the disk: nothing, usually.
NOTHING_ELSE: Mapping[str, SourceFile] = MappingProxyType({})
# A file that imports none of these trains nothing.
FRAMEWORKS = (
    *("torch", "lightning", "pytorch_lightning", "accelerate", "transformers", "deepspeed"),
    *("ignite", "torchvision", "torchaudio", "timm", "fastai", "speechbrain", "diffusers"),
    *("mmengine", "mmcv", "detectron2", "composer", "trl"),
)
# A short word stands in many others: `ctrl`.
_NAMED = "|".join(rf"\b{name}\b" if len(name) < 4 else name for name in FRAMEWORKS)
_NAMED_TEXT = re.compile(_NAMED)
_MATTERS = re.compile("|".join((_NAMED, "perflint:", r"noqa: *PFL")).encode())
# A text without any of these runs nothing in every step.
_HOT = re.compile(
    rb"backward|\.step\b|forward|training_step|loss|scaler\(|on_train_batch|optimizer_step"
    rb"|on_step|on_substep|train_|_iter\b|fit_batch|compute_objectives|before_step|after_step|run_step"
    rb"|batch_start|batch_end|after_batch|before_batch|ITERATION_|Engine\(|update_params|call_hook"
    rb"|optimize_parameters|training_batch|_train\b"
)
_HOT_TEXT = re.compile(_HOT.pattern.decode())
# Plain words that settle most texts: looking for one is far quicker than matching a pattern.
_MATTER_WORDS = (b"torch",)
_HOT_WORDS = ("forward", "loss", "backward")
_HOT_BYTES = tuple(word.encode() for word in _HOT_WORDS)
# In lower case, as the text is then: far quicker than a pattern that takes both.
_ACCELERATING_WORDS = (b"cuda", b"accelerat", b"deepspeed", b"fabric", b"lightning", b".to(")
_OPTIMIZES = re.compile(rb"torch\.optim\b|\boptim\.[A-Z]\w*\(|from torch import .*\boptim\b")
_SPEAKING_WORDS = (
    *(*_ACCELERATING_WORDS, b"device", b"gpu", b"nccl", b"dataparallel", b"rocm", b"tpu"),
    *(b"ignite", b"transformers", b"mmengine", b"mmcv", b"detectron2", b"composer", b"fastai"),
    b"speechbrain",
)
_SHORT_WORDS = (b"xpu", b"mps", b"npu", b"hpu")
_SPEAKS = re.compile(rb"\b(" + b"|".join(_SHORT_WORDS) + rb")\b")
_TRAINING_WORDS = (
    *(b".backward(", b"def training_step", b"def compute_loss", b"manual_backward(", b"Trainer("),
    *(b"build_runner", b"Runner.from_cfg", b"train_detector", b".fit("),
)


@dataclass(slots=True)
class Surveyed:
    """A file: `name` is relative to where perflint was called, with forward slashes.

    `matters`: it mentions a framework; `hot`: some of it may run in every step; `trains`: it seems
    to run backward passes, `accelerates`: on a GPU or its like; `optimizes`: it makes an optimizer,
    `speaks`: of devices or of what brings some. `problem` is why it cannot be read.
    """

    name: str
    path: str
    digest: bytes = b""
    matters: bool = False
    hot: bool = False
    trains: bool = False
    accelerates: bool = False
    optimizes: bool = False
    speaks: bool = False
    problem: str | None = None
    _source: SourceFile | None = field(default=None, repr=False)
    _instead: SourceFile | None = field(default=None, repr=False)

    def source(self) -> SourceFile:
        """Read the text, once. Raises UnreadableError."""
        if self._instead is not None:
            return self._instead
        if self._source is None:
            self._source = decoded(_bytes_of(self.path), self.path)
        return self._source

    def forget(self) -> None:
        """Let go of the text."""
        self._source = None


def survey(
    files: Iterable[tuple[str, str]], cache: Cache, now: Mapping[str, SourceFile] = NOTHING_ELSE
) -> list[Surveyed]:
    """Look at each (name, path); what the cache knows of an unchanged file is taken from there.

    `now` is what stands for some files, by their real paths, instead of what is on the disk.
    """
    began = time.time_ns()
    found = []
    for name, path in files:
        instead = now.get(os.path.realpath(path)) if now else None
        if instead is None:
            found.append(_surveyed(name, path, cache, began))
        else:
            found.append(_instead(name, path, cache, instead))
    return found


def mentions_framework(text: str) -> bool:
    """Whether a text may speak of training at all, as far as can be told without parsing it."""
    return bool(_NAMED_TEXT.search(text))


def may_be_hot(text: str) -> bool:
    """Whether the words of a text leave it possible that some of it runs in every step."""
    return any(word in text for word in _HOT_WORDS) or bool(_HOT_TEXT.search(text))


def _surveyed(name: str, path: str, cache: Cache, began: int) -> Surveyed:
    try:
        status = os.stat(path)
    except OSError as error:
        return Surveyed(name, path, problem=f"cannot be read: {error.strerror}")
    state = in_short(status)
    known = cache.facts_of(path, state)
    if known is not None:
        digest, flags = known
        return Surveyed(name, path, digest, *flags)
    try:
        raw = _bytes_of(path)
        digest = blake2b(raw, digest_size=16).digest()
        found = Surveyed(name, path, digest)
        found._source = decoded(raw, path)
    except UnreadableError as error:
        return Surveyed(name, path, problem=str(error))
    # A notebook's text is written another way than it reads, but its words are the same.
    _describe(found, raw)
    _keep(found, cache, state if is_settled(state, began) else None)
    return found


def _instead(name: str, path: str, cache: Cache, source: SourceFile) -> Surveyed:
    """Look at a text that stands for what is on the disk."""
    raw = source.encoded()
    found = Surveyed(name, path, blake2b(raw, digest_size=16).digest())
    found._instead = source
    _describe(found, raw)
    _keep(found, cache, None)
    return found


def _describe(found: Surveyed, raw: bytes) -> None:
    found.matters = _any(_MATTER_WORDS, raw) or bool(_MATTERS.search(raw))
    found.hot = found.matters and (_any(_HOT_BYTES, raw) or bool(_HOT.search(raw)))
    found.trains = found.matters and _any(_TRAINING_WORDS, raw)
    found.optimizes = found.matters and b"optim" in raw and bool(_OPTIMIZES.search(raw))
    lower = raw.lower()
    found.accelerates = found.trains and _any(_ACCELERATING_WORDS, lower)
    found.speaks = _any(_SPEAKING_WORDS, lower) or (
        _any(_SHORT_WORDS, lower) and bool(_SPEAKS.search(lower))
    )


def _any(words: Iterable[bytes], raw: bytes) -> bool:
    return any(word in raw for word in words)


def _keep(found: Surveyed, cache: Cache, state: State) -> None:
    flags = (
        *(found.matters, found.hot, found.trains),
        *(found.accelerates, found.optimizes, found.speaks),
    )
    cache.keep_facts(found.path, state, found.digest, flags)


def _bytes_of(path: str) -> bytes:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            what = "is a folder whose files cannot be listed" if os.path.isdir(path) else None
            raise UnreadableError(what or "is no regular file")
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror}") from error
