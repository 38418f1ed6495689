"""JSON Schemas of `Problem` and `Plan`, made from the models and shipped beside them.

``python -m dispatchopt.models.schema`` writes them again after a change of the models.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from dispatchopt.models.plan import Plan
from dispatchopt.models.problem import Problem

Schema = dict[str, Any]  # Any: JSON

_MODELS: dict[str, type[Problem] | type[Plan]] = {"problem": Problem, "plan": Plan}


def make_schema(name: Literal["problem", "plan"]) -> Schema:
    """Make the schema (draft 2020-12) from the models.

    It says what one item may look like; what must agree between items, such as unique ids, is
    checked when a problem is read.
    """
    schema = _MODELS[name].model_json_schema(mode="validation")
    schema.get("properties", {}).get("policy", {}).pop("default", None)
    _tidy(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def load_schema(name: Literal["problem", "plan"]) -> Schema:
    """Load the schema that ships with the package."""
    text = resources.files("dispatchopt.models").joinpath("schemas", f"{name}.schema.json")
    schema: Schema = json.loads(text.read_text("utf-8"))
    return schema


def write_schemas(folder: Path) -> None:
    """Write ``problem.schema.json`` and ``plan.schema.json`` into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    names: tuple[Literal["problem", "plan"], ...] = ("problem", "plan")
    for name in names:
        text = json.dumps(make_schema(name), indent=1, ensure_ascii=False) + "\n"
        (folder / f"{name}.schema.json").write_text(text, "utf-8", newline="\n")


def _tidy(node: Any) -> None:  # Any: JSON
    """Say the same in fewer words, and what pydantic leaves open about names of properties."""
    if isinstance(node, list):
        for item in node:
            _tidy(item)
    elif isinstance(node, dict):
        if isinstance(node.get("description"), str):
            # The first paragraph; the rest documents Python.
            node["description"] = " ".join(node["description"].split("\n\n")[0].split())
        if isinstance(node.get("title"), str):
            del node["title"]  # repeats the name
        if "patternProperties" in node and "additionalProperties" not in node:
            # As it stands, a property whose name does not match would pass unseen.
            ((pattern, values),) = node.pop("patternProperties").items()
            node["additionalProperties"] = values
            node.setdefault("propertyNames", {})["pattern"] = pattern
        for item in list(node.values()):
            _tidy(item)


if __name__ == "__main__":
    write_schemas(Path(__file__).parent / "schemas")
