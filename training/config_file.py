"""``--config``: the options of a run in one YAML file, as people write it and as a run keeps it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import yaml

from .options import FinetuneOptions, OptionError, Settings, check

RECIPES = Path(__file__).parent / "recipes"
ABOUT = "about"
LARGEST = 1_000_000  # bytes; a file of options has a few hundred
# What a flag on the command line takes the place of, beside the option of its own name.
TAKES_THE_PLACE_OF = {"steps": "epochs", "epochs": "steps"}
MAKERS = {"int": int, "float": float, "str": str, "bool": bool}


class ConfigError(OptionError):
    """The file cannot be read, or says something no run could be made of; the message names the line."""


@dataclass(frozen=True)
class Recipe:
    """A recipe that comes with the program: its options, and what is known of it."""

    name: str
    path: Path
    about: dict[str, str]
    options: FinetuneOptions


def recipes() -> list[Recipe]:
    """Return the recipes that come with the program, by name."""
    found = []
    for path in sorted(RECIPES.glob("*.yaml")):
        options, about = _read(path)
        found.append(Recipe(path.stem, path, about, options))
    return found


def find(wanted: str) -> Path:
    """Return the file that ``wanted`` means: a path, or the name of a recipe. Raises ConfigError."""
    path = Path(wanted).expanduser()
    if path.is_file():
        return path
    known = {recipe.stem: recipe for recipe in RECIPES.glob("*.yaml")}
    if wanted in known:
        return known[wanted]
    raise ConfigError(f"There is no file {wanted}, nor a recipe of that name. Recipes: {', '.join(sorted(known))}.")


def read(wanted: str) -> FinetuneOptions:
    """Return the options in a file, or in the recipe of that name. Raises ConfigError."""
    return _read(find(wanted))[0]


def merged(file: FinetuneOptions, flags: FinetuneOptions) -> FinetuneOptions:
    """Return the file's options with the flags that were given in their place."""
    given = {field.name: value for field in fields(flags) if (value := getattr(flags, field.name)) is not None}
    undone: dict[str, Any] = {
        other: None for name, other in TAKES_THE_PLACE_OF.items() if name in given and other not in given
    }
    if given.get("method") == "full" and "lora_r" not in given:
        undone["lora_r"] = None
    return replace(file, **{**undone, **given})


def as_text(settings: Settings, *, dataset: str, model: str, heading: str) -> str:
    """Return the YAML that makes the same run again from the same data and model.

    Every setting is in it, so that a later release with other defaults makes the same run too.
    """
    values = {"dataset": dataset, "model": model, **settings.as_dict()}
    del values["epochs"]  # follows from the steps
    if not settings.trains_adapter:
        del values["lora_r"]
    body = yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=100)
    return "".join(f"# {line}\n" for line in heading.splitlines()) + body


class _Dumper(yaml.SafeDumper):
    """Writes texts so that they are read back as they were."""


def _as_written(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # YAML folds these like line breaks, unless they are escaped between double quotes.
    style = '"' if any(character in text for character in "\r\x85\u2028\u2029") else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _as_written)


def _read(path: Path) -> tuple[FinetuneOptions, dict[str, str]]:
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
        text = raw.decode("utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text.") from error
    if len(raw) > LARGEST:
        raise ConfigError(f"{path} is larger than a file of options can be.")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigError(f"{path}{line}: this is not YAML ({error.problem}).") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{path}: this is not YAML.") from error
    if root is None:
        return FinetuneOptions(), {}
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(f"{path}: options are written as `name: value`, one a line.")
    values, about = _values(root, path)
    options = FinetuneOptions(**values)
    try:
        check(options)
    except OptionError as error:
        raise ConfigError(f"{path}: {error}") from error
    return options, about


def _values(root: yaml.MappingNode, path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    kinds = {
        name: str(kind).partition(" |")[0] for name, kind in FinetuneOptions.__annotations__.items() if name != "output"
    }
    values: dict[str, Any] = {}
    about: dict[str, str] = {}
    seen: set[str] = set()
    for key, value in root.value:
        where = f"{path}, line {key.start_mark.line + 1}"
        name = key.value if isinstance(key, yaml.ScalarNode) else ""
        if name in seen:
            raise ConfigError(f"{where}: {name} is there twice.")
        seen.add(name)
        if name == ABOUT and isinstance(value, yaml.MappingNode):
            about = {str(part.value): str(text.value) for part, text in value.value}
        elif name not in kinds:
            near = difflib.get_close_matches(name, kinds, n=1)
            hint = f" Did you mean {near[0]}?" if near else f" Options: {', '.join(kinds)}."
            raise ConfigError(f"{where}: there is no option {name!r}.{hint}")
        else:
            values[name] = _value(value, name, kinds[name], where)
    return values, about


def _value(node: yaml.Node, name: str, kind: str, where: str) -> Any:
    if not isinstance(node, yaml.ScalarNode):
        raise ConfigError(f"{where}: {name} takes one value, not a list or a mapping.")
    if node.tag == "tag:yaml.org,2002:null":
        return None
    if kind == "str":
        return node.value
    if kind == "bool":
        if node.tag != "tag:yaml.org,2002:bool":
            raise ConfigError(f"{where}: {name} is true or false, not {node.value!r}.")
        return node.value.casefold() in {"true", "yes", "on"}
    try:
        # Not by YAML's own types: to it 5e-6 is a text, and 010 is eight.
        return MAKERS[kind](node.value.replace("_", ""))
    except ValueError as error:
        what = "a whole number" if kind == "int" else "a number"
        raise ConfigError(f"{where}: {name} is {what}, not {node.value!r}.") from error
