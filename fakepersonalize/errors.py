"""Every error that we send, and every sentence in it, with its source.

The classes carry AWS's error codes as their names. The functions below them make the errors that more than one room
raises; behind each sentence stands where it comes from: *seen* in the service's own output, *documented* in its guide,
or *ours* where no source is public. AWS's sentence comes first; a hint of ours may follow it (see `ServiceError.text`).
"""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar


class ServiceError(Exception):
    """An answer that is an error: AWS's code, AWS's sentence, and perhaps a hint of ours."""

    status: ClassVar[int] = HTTPStatus.BAD_REQUEST

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def code(self) -> str:
        return type(self).__name__

    def text(self, teach: bool = True) -> str:
        """Return what the client reads: AWS's sentence, and our hint behind it when `teach` is on."""
        return taught(self.message, self.hint) if teach else self.message


def taught(message: str, hint: str | None) -> str:
    """Return AWS's sentence with a hint of ours behind it."""
    return f"{message} | fakepersonalize: {hint}" if hint else message


# The eight errors of the service models.


class InvalidInputException(ServiceError):
    pass


class ResourceNotFoundException(ServiceError):
    pass


class ResourceAlreadyExistsException(ServiceError):
    pass


class LimitExceededException(ServiceError):
    pass


class ResourceInUseException(ServiceError):
    pass


class TooManyTagsException(ServiceError):
    pass


class TooManyTagKeysException(ServiceError):
    pass


class InvalidNextTokenException(ServiceError):
    pass


# What AWS's front ends answer for any service.


class AccessDeniedException(ServiceError):
    status = HTTPStatus.FORBIDDEN


class UnknownOperationException(ServiceError):
    pass


class SerializationException(ServiceError):
    pass


class InternalFailure(ServiceError):
    status = HTTPStatus.INTERNAL_SERVER_ERROR


class NotImplementedByFakePersonalize(ServiceError):
    """Ours: the operation exists at AWS and is not built here yet."""

    status = HTTPStatus.NOT_IMPLEMENTED


# Background work ends with one of these two.


class JobFailed(Exception):
    """Work that cannot be done; its text becomes the `failureReason` of the resource."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def text(self, teach: bool = True) -> str:
        return taught(self.message, self.hint) if teach else self.message


class Cancelled(Exception):
    """Work that was told to stop."""


# What several rooms say. Sources: (s) seen, (d) documented, (o) ours.


def invalid_arn(arn: str, form: str | None = None) -> InvalidInputException:  # o
    return InvalidInputException(
        f"Invalid ARN: {shortened(arn)}", f"expected an ARN that ends in {form}" if form else None
    )


def not_found(arn: str) -> ResourceNotFoundException:  # s
    return ResourceNotFoundException(f"Resource Arn {arn} does not exist.")


def already_exists(arn: str) -> ResourceAlreadyExistsException:  # s
    return ResourceAlreadyExistsException(f"Another resource with Arn {arn} already exists.")


def not_active(arn: str, status: str) -> ResourceInUseException:  # o
    return ResourceInUseException(f"Resource {arn} is not in ACTIVE state.", f"its status is {status}")


def in_use(arn: str, by: str, status: str) -> ResourceInUseException:  # o
    return ResourceInUseException(f"Resource {arn} is in use by {by}.", f"the status of the latter is {status}")


def in_transition(arn: str, status: str) -> ResourceInUseException:  # o
    return ResourceInUseException(f"Resource {arn} is in {status} state.", "wait until that is over")


def quota_reached(sentence: str) -> LimitExceededException:  # d
    return LimitExceededException(sentence, "--limits off lifts all quotas")


def too_many_tags(most: int) -> TooManyTagsException:  # o
    return TooManyTagsException(f"You have exceeded the maximum number of {most} tags for this resource.")


def reserved_tag(key: str) -> InvalidInputException:  # o
    return InvalidInputException(f"Tag keys starting with aws: are reserved: {shortened(key)}")


def shortened(text: str, most: int = 300) -> str:
    """Cut what a client sent before we send it back."""
    return text if len(text) <= most else f"{text[:most]}..."


def bad_location(location: str) -> InvalidInputException:  # d
    return InvalidInputException(
        "Invalid Data location.", f"expected s3://bucket/key or s3://bucket/prefix/, not {shortened(location)}"
    )


def unreadable_bucket(location: str, reason: str) -> InvalidInputException:  # s (first sentence), d
    bucket = location.removeprefix("s3://").partition("/")[0]
    return InvalidInputException(
        "Insufficient privileges for accessing data in S3. Please look at "
        "https://docs.aws.amazon.com/personalize/latest/dg/granting-personalize-s3-access.html and fix bucket policy on "
        f"{bucket}.",
        reason,
    )
