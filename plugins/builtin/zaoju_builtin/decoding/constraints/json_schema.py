"""JSON that a schema describes."""

from __future__ import annotations

import json
from urllib.parse import quote

from zaoju import UserError
from zaoju_builtin.decoding.constraints.form_file import read_form
from zaoju_builtin.decoding.constraints.llguidance_constraint import LLGuidanceConstraint
from zaoju_builtin.decoding.constraints.options import JsonSchemaOptions


class JsonSchema(LLGuidanceConstraint[JsonSchemaOptions]):
    """The text is one JSON value that a JSON Schema describes.

    Properties come in the schema's order. Characters are written as themselves and not as `\\u6211`. Whitespace is
    limited, or a model could go on with blanks for ever. What the library cannot enforce, such as `not` or
    `uniqueItems`, is refused. A key `x-guidance` of the schema overrides the layout, as in llguidance.
    """

    name = "json_schema"

    def grammar(self) -> str:
        layout = {"whitespace_pattern": f"[ \\n]{{0,{self.options.whitespace}}}"}
        schema = {"x-guidance": layout, **self._schema()}
        return "start: %json " + json.dumps(_with_ascii_references(schema), ensure_ascii=False)

    def _schema(self) -> dict[str, object]:
        if self.options.file is None:
            return dict(self.options.schema_ or {})
        try:
            schema = json.loads(read_form(self.name, self.options.file))
        except json.JSONDecodeError as error:
            raise UserError(f"constraint {self.name}: {self.options.file} is not JSON: {error}") from error
        if not isinstance(schema, dict):
            raise UserError(
                f"constraint {self.name}: {self.options.file} must hold a JSON object, the schema, and holds a "
                f"{type(schema).__name__}"
            )
        return schema


def _with_ascii_references(schema: object) -> object:
    """The schema with `#/$defs/人` written as `#/$defs/%E4%BA%BA`: a reference is a URI, and the library insists."""
    if isinstance(schema, list):
        return [_with_ascii_references(part) for part in schema]
    if isinstance(schema, dict):
        return {key: _with_ascii_reference(key, value) for key, value in schema.items()}
    return schema


def _with_ascii_reference(key: str, value: object) -> object:
    if key in ("const", "enum"):
        return value  # these hold texts to write, not schemas
    if key == "$ref" and isinstance(value, str):
        return "".join(part if part.isascii() else quote(part, errors="replace") for part in value)
    return _with_ascii_references(value)
