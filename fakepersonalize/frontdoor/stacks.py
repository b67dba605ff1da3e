"""CloudFormation stacks with resources of Personalize: refused, because moto would report them as created.

Every path on which moto reads a template is checked: stacks, change sets, stack sets, nested stacks and templates from
S3, in JSON or YAML. Source of the types: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Personalize.html
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from fakepersonalize import errors

PREFIX, TRANSFORM = "AWS::Personalize::", "Fn::Transform"
READERS = ("create_stack", "update_stack", "create_change_set", "create_stack_set", "update_stack_set")


def prepare() -> None:
    """Make moto's CloudFormation refuse types of Personalize, once per process."""
    from moto.cloudformation import models, responses

    response = responses.CloudFormationResponse
    if hasattr(response.create_stack, "__wrapped__"):
        return
    for name in READERS:
        setattr(response, name, _checking(getattr(response, name)))
    stack = cast(Any, models.Stack)
    stack._parse_template = _checking_parsed(stack._parse_template)


def _checking(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of moto's that refuses before anything is made."""

    @wraps(method)
    def checked(response: Any) -> Any:
        from moto.cloudformation.models import Stack

        url, text = response._get_param("TemplateURL"), response._get_param("TemplateBody")
        if url:
            text = response._get_stack_from_s3_url(url)
        if text and (PREFIX in text or TRANSFORM in text):  # all others are moto's affair
            _require_other_types(Stack.parse_template(text))
        return method(response)

    return checked


def _checking_parsed(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return the same for what moto reads by itself: nested stacks and instances of stack sets."""

    @wraps(method)
    def checked(stack: Any) -> None:
        method(stack)
        _require_other_types(stack.template_dict)

    return checked


def _require_other_types(template: Any) -> None:
    from moto.cloudformation.exceptions import ValidationError

    resources = template.get("Resources") if isinstance(template, dict) else None
    for name, resource in resources.items() if isinstance(resources, dict) else ():
        if name == TRANSFORM:
            raise ValidationError(message=errors.taught(errors.NO_TYPE.format(name=name), errors.NO_TRANSFORMS))
        type_ = resource.get("Type") if isinstance(resource, dict) else None
        if isinstance(type_, str) and type_.startswith(PREFIX):
            raise ValidationError(message=errors.taught(errors.NO_STACKS.format(name=name, type=type_), errors.USE_API))
