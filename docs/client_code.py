"""The Python client's generated modules: the interface's schemas as classes, its operations as typed functions.

The schemas are datamodel-code-generator's work. The operations are put together here, as no generator makes one
function that serves a synchronous and an asynchronous client alike.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from datamodel_code_generator import DataModelType, InputFileType, LiteralType, PythonVersion, generate
from datamodel_code_generator.enums import OpenAPIScope

HEAD = '"""{}\n\nGenerated from `docs/openapi.json`; `make docs` writes it, `make check` holds it to the interface.\n"""\n\n'
ROOT = Path(__file__).resolve().parents[1]
_ROOT = "/api/v1/"
_BY_HAND = {"upload_photos"}
"""Sent by `AsyncClient.upload` and `Client.upload`, which read the file while it goes."""
_TYPES = {"integer": "int", "number": "float", "boolean": "bool", "string": "str"}
_FORMATS = {"date": "date", "uuid": "UUID"}
_LIMITS = {
    "title", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength", "minItems",
    "maxItems",
}  # fmt: skip
_OPENAPI_ONLY = {"If-None-Match"}
"""An answer without a body says nothing to who keeps none."""

Json = dict[str, Any]


def schemas(document: Json) -> str:
    """A pydantic class for each schema of the document."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "schemas.py"
        generate(
            json.dumps(_plain(document)),
            input_file_type=InputFileType.OpenAPI,
            openapi_scopes=[OpenAPIScope.Schemas],
            output=target,
            output_model_type=DataModelType.PydanticV2BaseModel,
            target_python_version=PythonVersion.PY_311,
            base_class="mizzap_client.schema.Schema",
            snake_case_field=True,
            no_alias=True,
            use_standard_collections=True,
            use_union_operator=True,
            use_schema_description=True,
            use_double_quotes=True,
            collapse_root_models=True,
            enum_field_as_literal=LiteralType.All,
            type_mappings=["password=string"],
            custom_file_header=HEAD.format("What the interface takes and answers.").strip(),
            formatters=[],
        )
        return _formatted(target.read_text())


def _plain(part: Any) -> Any:
    """Without the titles that FastAPI gives every field, which say no more than its name, and without the limits of
    values: the server refuses what is beyond them, and says so, and tomorrow's server may allow more."""
    if isinstance(part, dict):
        return {key: _plain(value) for key, value in part.items() if key not in _LIMITS or isinstance(value, dict)}
    return [_plain(one) for one in part] if isinstance(part, list) else part


def operations(document: Json) -> str:
    """A function for each operation: it gives the request, and either client sends it."""
    made = [
        _function(method.upper(), path, operation, document)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if path.startswith(_ROOT) and operation["operationId"] not in _BY_HAND
    ]
    text = HEAD.format("Every operation of the interface: `await client.ask(get_photo(5))`, or without `await`.")
    text += "from datetime import date\nfrom typing import Any, Literal\nfrom uuid import UUID\n\n"
    text += "from mizzap_client import schemas\nfrom mizzap_client.operation import Operation\n\n\n"
    return _formatted(text + "\n\n".join(made))


def _formatted(code: str) -> str:
    """As `make format` would leave it."""
    for command in (["check", "--fix-only", "--quiet"], ["format", "--quiet"]):
        ruff = [
            sys.executable,
            "-m",
            "ruff",
            *command,
            "--stdin-filename",
            "clients/python/src/mizzap_client/schemas.py",
            "-",
        ]
        code = subprocess.run(ruff, input=code, capture_output=True, check=True, text=True, cwd=ROOT).stdout  # noqa: S603
    return code


def _function(method: str, path: str, operation: Json, document: Json) -> str:
    parameters = [_resolved(one, document) for one in operation.get("parameters", [])]
    parameters = [one for one in parameters if one["name"] not in _OPENAPI_ONLY]
    answer = _answer(operation)
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    in_path = [f"{_name(one)}: {_type(one['schema'])}" for one in parameters if one["in"] == "path"]
    named = [_named(one) for one in parameters if one["in"] != "path"]
    taken = in_path + ([f"body: {_type(body)}"] if body else []) + (["*", *named] if named else [])
    sent = [f'"{method}"', _filled(path, parameters), answer]
    for place, word in (("query", "query"), ("header", "headers")):
        if pairs := [f'"{one["name"]}": {_name(one)}' for one in parameters if one["in"] == place]:
            sent.append(f"{word}={{{', '.join(pairs)}}}")
    sent += (["body=body"] if body else []) + ([] if operation.get("security") else ["signed=False"])
    text = f"def {operation['operationId']}({', '.join(taken)}) -> Operation[{answer}]:\n"
    text += f'    """{_doc(operation)}"""\n' if operation.get("description") else ""
    return text + f"    return Operation({', '.join(sent)})\n"


def _answer(operation: Json) -> str:
    content: Json = next(
        (answer.get("content", {}) for status, answer in operation["responses"].items() if status.startswith("2")), {}
    )
    if "application/json" in content:
        return _type(content["application/json"]["schema"])
    return "bytes" if content else "None"


def _named(parameter: Json) -> str:
    kind = _type(parameter["schema"])
    if parameter.get("required"):
        return f"{_name(parameter)}: {kind}"
    # left out is not the same as the default of today's server
    return f"{_name(parameter)}: {kind if kind.endswith('None') else kind + ' | None'} = None"


def _filled(path: str, parameters: list[Json]) -> str:
    path = "/" + path.removeprefix(_ROOT)
    names = [_name(one) for one in parameters if one["in"] == "path"]
    return (
        f'("{path}", {{{", ".join(f"{chr(34)}{name}{chr(34)}: {name}" for name in names)}}})' if names else f'"{path}"'
    )


def _name(parameter: Json) -> str:
    name = parameter["name"].replace("-", "_")
    return (
        "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).strip("_").replace("__", "_")
    )


def _type(schema: Json) -> str:
    if "$ref" in schema:
        parts = schema["$ref"].rsplit("/", 1)[-1].split("_")
        return f"schemas.{''.join(part[:1].upper() + part[1:] for part in parts)}"
    if "anyOf" in schema:
        return " | ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema:
        return f"Literal[{', '.join(json.dumps(value) for value in schema['enum'])}]"
    if schema.get("type") == "null":
        return "None"
    if schema.get("type") == "array":
        return f"list[{_type(schema['items'])}]"
    return _FORMATS.get(schema.get("format", "")) or _TYPES.get(schema.get("type", ""), "Any")


def _doc(operation: Json) -> str:
    return " ".join(str(operation["description"]).split("\n\n")[0].split()).replace("\\", "\\\\")


def _resolved(part: Json, document: Json) -> Json:
    while "$ref" in part:
        part = document["components"][part["$ref"].split("/")[-2]][part["$ref"].split("/")[-1]]
    return part
