"""Alpaca's own OpenAPI files as a judge of requests and answers."""

import datetime
import importlib.metadata
import json
import re
import urllib.parse

import jsonschema
import referencing
import referencing.jsonschema

FORMATS = jsonschema.FormatChecker()
VERBS = ("get", "post", "patch", "put", "delete")


@FORMATS.checks("date-time", raises=ValueError)
def is_time(value):
    if isinstance(value, str):
        if not re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d", value) or not re.search(r"(Z|[+-]\d\d:\d\d)$", value):
            raise ValueError("no RFC 3339 time")
        # Python knows no nanoseconds.
        datetime.datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value))
    return True


PARAMETER_FORMATS = jsonschema.FormatChecker()


@PARAMETER_FORMATS.checks("date-time", raises=ValueError)
def is_time_or_date(value):
    """A date will do for a time that is asked about: the files say so in prose, and the clients send them."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        datetime.date.fromisoformat(value)
        return True
    return is_time(value)


class Operation:
    def __init__(self, document, path, method, item):
        self.document = document
        self.path = path
        self.method = method
        self.name = f"{method.upper()} {path}"
        self.raw = item[method]
        self.parameters = [document.resolved(each) for each in item.get("parameters", []) + self.raw.get("parameters", [])]
        self.pattern = re.compile(
            "".join("([^/]+)" if part.startswith("{") else re.escape(part) for part in re.split(r"(\{[^}]+\})", path))
        )
        self.names = re.findall(r"\{([^}]+)\}", path)

    def check_request(self, target, body):
        """The problems of a request: unknown, missing or malformed parameters and members."""
        url = urllib.parse.urlsplit(target)
        problems = []
        values = self.pattern.fullmatch(url.path).groups()
        given = {("path", name): urllib.parse.unquote(value) for name, value in zip(self.names, values)}
        for name, value in urllib.parse.parse_qsl(url.query, keep_blank_values=True, strict_parsing=bool(url.query)):
            if ("query", name) in given:
                problems.append(f"{name} is given twice")
            given["query", name] = value
        for parameter in self.parameters:
            place = (parameter["in"], parameter["name"])
            if place not in given:
                if parameter.get("required") and parameter["in"] != "header":
                    problems.append(f"{parameter['name']} is missing")
                continue
            problems += [f"{parameter['name']}: {each}" for each in self.document.problems_of_text(
                given.pop(place), parameter["schema"]
            )]
        problems += [f"{name} is no parameter" for _, name in given]
        return problems + self._check_request_body(body)

    def _check_request_body(self, body):
        content = self.document.resolved(self.raw.get("requestBody", {}))
        if body is None:
            return ["the body is missing"] if content.get("required") else []
        if not content:
            return ["there is a body"]
        schema = content["content"]["application/json"]["schema"]
        value = json.loads(body)
        return self.document.problems(value, schema) + self.document.unknown_members(value, schema)

    def check_answer(self, status, body):
        """The problems of an answer: a status or a body that the specification does not have."""
        if status >= 400:
            # The files say which refusals there are, and next to nothing of their bodies.
            return self.document.problems(json.loads(body), {
                "type": "object", "required": ["code", "message"],
                "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
            })
        answer = self.raw["responses"].get(str(status))
        if answer is None:
            return [f"status {status} is none of {', '.join(self.raw['responses'])}"]
        content = self.document.resolved(answer).get("content")
        if content is None:
            return [] if body is None else ["there is a body"]
        if body is None:
            return ["the body is missing"]
        schema = content["application/json"]["schema"]
        value = json.loads(body)
        return self.document.problems(value, schema) + self.document.unknown_members(value, schema)


class Document:
    def __init__(self, text):
        self.content = json.loads(text)
        resource = referencing.jsonschema.DRAFT202012.create_resource(self.content)
        self.registry = referencing.Registry().with_resource("urn:api", resource)
        self.operations = [
            Operation(self, path, method, item)
            for path, item in self.content["paths"].items() for method in VERBS if method in item
        ]

    def resolved(self, value):
        while "$ref" in value:
            place = self.content
            for name in value["$ref"].removeprefix("#/").split("/"):
                place = place[name.replace("~1", "/").replace("~0", "~")]
            value = place
        return value

    def members(self, schema):
        """What an object may have, by name."""
        schema = self.resolved(schema)
        members = dict(schema.get("properties", {}))
        for kind in ("allOf", "oneOf", "anyOf"):
            for part in schema.get(kind, []):
                members.update(self.members(part))
        return members

    def unknown_members(self, value, schema, path="$"):
        """A schema lets pass what it does not know, such as a name that is misspelt."""
        schema = self.resolved(schema)
        if isinstance(value, list):
            items = schema.get("items")
            return [] if items is None else [
                problem for each in value for problem in self.unknown_members(each, items, f"{path}[]")
            ]
        members = self.members(schema)
        if not isinstance(value, dict) or not members and "additionalProperties" not in schema:
            return []
        problems = []
        for name, each in value.items():
            known = members.get(name, schema.get("additionalProperties"))
            if known is None:
                problems.append(f"{path}.{name} is no member")
            elif isinstance(known, dict):
                problems += self.unknown_members(each, known, f"{path}.{name}")
        return problems

    def problems(self, value, schema, formats=FORMATS):
        validator = jsonschema.Draft202012Validator(
            self._rebased(schema), registry=self.registry, format_checker=formats
        )
        return [
            re.sub(r"\[\d+\]", "[]", error.json_path) + f": {error.message[:300]}"
            for error in validator.iter_errors(value)
        ]

    def problems_of_text(self, text, schema):
        """Of a parameter, which is text whatever its type."""
        schema = self.resolved(schema)
        kind = schema.get("type")
        value = text
        if kind in ("integer", "number"):
            value = json.loads(text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else text
        elif kind == "boolean":
            value = {"true": True, "false": False}.get(text, text)
        elif kind == "array":
            value = text.split(",")
        return self.problems(value, schema, PARAMETER_FORMATS)

    def _rebased(self, value):
        """References are to the whole file. What is to be one of several may be more than one of them: the files'
        alternatives overlap, so that not even their own examples are only one."""
        if isinstance(value, dict):
            return {
                "anyOf" if name == "oneOf" else name:
                    f"urn:api{each}" if name == "$ref" and isinstance(each, str) else self._rebased(each)
                for name, each in value.items()
            }
        return [self._rebased(each) for each in value] if isinstance(value, list) else value


class Specification:
    """The trading and the market-data API."""

    def __init__(self):
        # Only the files of the package are of use here, not its code.
        files = importlib.metadata.files("alpaca-mcp-server")
        documents = [Document(file.read_text()) for file in files if re.search(r"/(trading|market-data)-api\.json$", str(file))]
        assert len(documents) == 2, "alpaca-mcp-server does not have its two OpenAPI files"
        self.operations = [operation for document in documents for operation in document.operations]

    def operation(self, method, target):
        path = urllib.parse.urlsplit(target).path
        found = [
            each for each in self.operations
            if each.method == method.lower() and each.pattern.fullmatch(path)
        ]
        # The one with the fewest names to fill in is meant.
        return min(found, key=lambda each: len(each.names), default=None)
