"""Every error that we send, and every sentence in it, with its source.

The classes carry AWS's error codes as their names. The functions below them make the errors that more than one room
raises; behind each sentence stands where it comes from: *seen* in the service's own output, *documented* in its guide,
or *ours* where no source is public. AWS's sentence comes first; a hint of ours may follow it (see `ServiceError.text`).
"""

from __future__ import annotations

from collections.abc import Mapping
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


class ThrottlingException(ServiceError):
    pass


class RequestEntityTooLargeException(ServiceError):
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UnknownOperationException(ServiceError):
    pass


class SerializationException(ServiceError):
    pass


class InternalFailure(ServiceError):
    status = HTTPStatus.INTERNAL_SERVER_ERROR


class DiskFailure(ServiceError):
    """Ours: the disk is full or fails, and nothing was changed. AWS's clients do not try again by themselves then."""

    status = HTTPStatus.INSUFFICIENT_STORAGE

    @property
    def code(self) -> str:
        return "InternalFailure"


class UnrecognizedClientException(ServiceError):
    status = HTTPStatus.FORBIDDEN


class ServiceUnavailable(ServiceError):
    status = HTTPStatus.SERVICE_UNAVAILABLE


class NotPinned(ServiceError):
    """Ours: pins are strict, and none answers this call."""


class NotImplementedByFakePersonalize(ServiceError):
    """Ours: the operation exists at AWS and is not built here yet."""

    status = HTTPStatus.NOT_IMPLEMENTED


# What a fault may answer, with AWS's general sentences: d,
# https://docs.aws.amazon.com/personalize/latest/dg/CommonErrors.html
FAULTS: dict[type[ServiceError], str] = {
    AccessDeniedException: "User is not authorized to perform: personalize:{operation}",
    InternalFailure: "Internal failure.",
    InvalidInputException: "Provide a valid value for the field or parameter.",
    InvalidNextTokenException: "The token is not valid.",
    LimitExceededException: "The limit on the number of requests per second has been exceeded.",
    ResourceAlreadyExistsException: "The specified resource already exists.",
    ResourceInUseException: "The specified resource is in use.",
    ResourceNotFoundException: "Could not find the specified resource.",
    ServiceUnavailable: "The request has failed due to a temporary failure of the server.",
    ThrottlingException: "Rate exceeded",
    TooManyTagKeysException: "The request contains more tag keys than can be associated with a resource.",
    TooManyTagsException: "You have exceeded the maximum number of tags you can apply to this resource.",
    UnrecognizedClientException: "The security token included in the request is invalid.",
}
FAULT_CODES = {kind.__name__: kind for kind in FAULTS}
BY_A_RULE = "a fault rule wanted it so"  # o


def fault(code: str, message: str | None, operation: str) -> ServiceError:
    """Return the error that a rule wants, with AWS's sentence if it brings none; `code` is one of FAULT_CODES."""
    kind = FAULT_CODES[code]
    return kind(message or FAULTS[kind].format(operation=operation), BY_A_RULE)


NOT_PINNED = "No pin answers userId {user}, itemId {item} of {arn}, and calls without one are errors."  # o

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


# What an operation says of an ARN that names nothing: the class of the error, and the sentence if the resource is of
# the operation's own kind. The sentence is RESOURCE for any other resource, such as a parent. The first row counts
# that the name of the operation begins with. Seen in the notebooks Travel_04 (cell 3) and News_01 (cells 9, 159) of
# https://github.com/aws-samples/amazon-personalize-immersion-day
GIVEN = "The given {kind} does not exist: {arn}"  # s
RESOURCE = "Resource Arn {arn} does not exist."  # s
NOT_SERVING = "{arn} does not exist or is not active yet."  # s
NOT_FOUND: Mapping[str, tuple[type[ServiceError], str]] = {
    "Describe": (ResourceNotFoundException, GIVEN),  # s for dataset groups and solutions, o for the other kinds
    "Delete": (ResourceNotFoundException, GIVEN),  # s for dataset groups and solutions, o for the other kinds
    "Update": (ResourceNotFoundException, GIVEN),  # o
    "Start": (ResourceNotFoundException, GIVEN),  # o
    "Stop": (ResourceNotFoundException, GIVEN),  # o
    "GetRecommendations": (InvalidInputException, NOT_SERVING),  # s for campaigns; a client relies on it for filters
    "GetPersonalizedRanking": (InvalidInputException, NOT_SERVING),  # o
    "GetActionRecommendations": (InvalidInputException, NOT_SERVING),  # o
    "": (ResourceNotFoundException, RESOURCE),  # s for Create; o for List, Put, the tags and GetSolutionMetrics
}
SERVING_KINDS = ("campaign", "recommender")


def not_found(arn: str, operation: str = "", kind: str = "", hint: str | None = None) -> ServiceError:
    """Return the answer of an operation to the ARN of a resource that is not there.

    `kind` names the kind of the resource in words, such as "solution version".
    """
    error, sentence = next(row for start, row in NOT_FOUND.items() if operation.startswith(start))
    own = kind in SERVING_KINDS or kind.title().replace(" ", "") in operation
    return error((sentence if own else RESOURCE).format(arn=shortened(arn), kind=kind), hint)


def of_another_place(arn: tuple[str, str], caller: tuple[str, str]) -> str | None:
    """Return the hint that account or region of an ARN differ from the caller's; None where they do not."""
    differ = [
        f"the {name} of the ARN is {shortened(of_arn)}, that of the client {own}"
        for name, of_arn, own in zip(("account", "region"), arn, caller)
        if of_arn != own
    ]
    return "; ".join(differ) or None


def already_exists(arn: str) -> ResourceAlreadyExistsException:  # s
    return ResourceAlreadyExistsException(f"Another resource with Arn {arn} already exists.")


def not_active(arn: str, status: str) -> ResourceInUseException:
    return not_in("ACTIVE", arn, status)


def not_in(wanted: str, arn: str, status: str) -> ResourceInUseException:  # o
    return ResourceInUseException(f"Resource {arn} is not in {wanted} state.", f"its status is {status}")


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


def throttled(most: int, per: str) -> ThrottlingException:  # d, AWS's general sentence
    return ThrottlingException("Rate exceeded", f"more than {most} calls a second per {per}; --rates off lifts this")


def unreadable_bucket(location: str, reason: str) -> InvalidInputException:  # s (first sentence), d
    bucket, _, key = location.removeprefix("s3://").partition("/")
    if reason == "NoSuchKey" and key and not key.endswith("/"):
        reason += "; the location of a folder ends in /"
    return InvalidInputException(
        "Insufficient privileges for accessing data in S3. Please look at "
        "https://docs.aws.amazon.com/personalize/latest/dg/granting-personalize-s3-access.html and fix bucket policy "
        f"on {bucket}.",
        reason,
    )


# What single families say; `invalid` fills in what stands in braces.


def invalid(sentence: str, hint: str | None = None, **values: object) -> InvalidInputException:
    """Return the refusal of a request; texts that the client sent are cut."""
    shown = {name: shortened(value) if isinstance(value, str) else value for name, value in values.items()}
    return InvalidInputException(sentence.format(**shown), hint)


# dataset groups and datasets
ROLE_WITHOUT_KEY = "An IAM role can only be given together with a KMS key (kmsKeyArn and roleArn)."  # o
UNKNOWN_DATASET_TYPE = "Invalid dataset type: {type}."  # o
TYPE_MISMATCH = "Schema name must match the dataset type."  # o
DOMAIN_MISMATCH = "The domain of the schema must match the domain of the dataset group."  # o
NO_ACTIONS_IN_DOMAINS = "Actions and Action interactions datasets can only be created in Custom dataset groups."  # o

# jobs on data
INCREMENTAL_FIRST = "importMode INCREMENTAL needs an earlier FULL import of the dataset."  # o
ROLE_REQUIRED = "A roleArn is required to read from Amazon S3."  # o
NO_ATTRIBUTION = (
    "publishAttributionMetricsToS3 needs an Interactions dataset, and a metric attribution with an S3 destination in "
    "the dataset group."  # o
)
LARGE_IMPORT = "The data of one {mode} import job cannot be larger than {most:g} GB."  # o
LARGE_DELETION = "The data of one data deletion job cannot be larger than {most:g} MB."  # o
BAD_INPUT_PATH = "Invalid S3 input path"  # d
CROSS_ACCOUNT_ROLE = "Cross-account pass role is not allowed."  # seen in other services

# what stands as a hint behind "Insufficient privileges", with the policy that would have worked; all ours
NO_ROLE = "there is no role {role}; create it with the trust policy {policy}"  # o
NO_TRUST = "the role {role} does not trust {service}; this trust policy would do: {policy}"  # o
ROLE_MAY_NOT = "the policies of the role {role} do not allow {missing}; this policy would do: {policy}"  # o
BUCKET_MAY_NOT = (
    "the policy of the bucket {bucket} does not let {service} do {missing}; this bucket policy would do: {policy}"  # o
)
# The same in a line of the log.
NO_ROLE_BRIEFLY = "there is no role {role}"  # o
NO_TRUST_BRIEFLY = "the role {role} does not trust {service}"  # o
ROLE_MAY_NOT_BRIEFLY = "the role {role} may not {actions}"  # o
BUCKET_MAY_NOT_BRIEFLY = "the bucket {bucket} does not grant {service} {actions}"  # o
BAD_OUTPUT_PATH = "Invalid S3 output path"  # d

# CSV files
ONE_COLUMN = "Input CSV must have a single column, USER_ID."  # o
MISSING_COLUMNS = "Input CSV is missing the following columns:[{names}]."  # d
LONG_VALUE = (
    "Length cannot be more than {limit} characters for {column}. If no values exceed the character limit, "
    "make sure your data follows the formatting guidelines listed in "
    "https://docs.aws.amazon.com/personalize/latest/dg/data-prep-formatting.html."  # d
)
NO_DATA = "No data found at the given location."  # o
NO_OBJECTS = (
    "no object lies directly in that folder; those in folders below it, empty ones, and those that begin with _ or . "
    "do not count"  # o
)
WRONG_CELL = "Invalid value for column {column} at line {line}."  # o
MALFORMED_LINE = "Input CSV is malformed at line {line}."  # o
COLUMNS_TWICE = "Input CSV has the following columns more than once:[{names}]."  # o
HEADERS_DIFFER = "Input CSV files must have identical headers."  # o
LEFT_OUT = "{amount} rows were left out for values that their columns cannot have: {places}."  # o
NOT_CSV = "The folder has objects that do not end in .csv and are left out: {names}."  # o
QUOTED_HEADER = "The header has names in quotes, which Amazon Personalize does not allow."  # o
UNLISTED_NULLS = "Column {column} has rows without a value, although its type does not list null."  # o
MILLISECONDS = (
    "{column} has values of more than ten digits, as milliseconds have; Amazon Personalize reads seconds."  # o
)

# event trackers, filters and metric attributions
NO_INTERACTIONS = "The dataset group has no Interactions dataset."  # o
TOO_MANY_FIELDS = "More than {most} distinct fields are used by the filters of the dataset group."  # o
EVENT_WITHOUT_TYPE = "Each of the eventParametersList needs an eventType."  # o
EVENT_TWICE = "The eventParametersList has the eventType {type} more than once."  # o
NO_EVENT_WEIGHT = "At least one of the eventParametersList needs a weight above 0."  # o
NO_EVENT_TYPE = "The Interactions schema has no column EVENT_TYPE."  # o
BAD_EXPRESSION = (
    "Invalid expression {expression}: expected SAMPLECOUNT(), SUM(Items.COLUMN) or SUM(Interactions.COLUMN)."  # o
)
NO_SUM = "Invalid expression: {expression} needs a numeric column of the {dataset} dataset."  # o
TOO_MANY_METRICS = "A metric attribution has at most {most} metrics."  # o
ATTRIBUTION_REQUIRED = "A metricAttributionArn is required."  # o
METRIC_TWICE = "Another metric with the name {name} already exists."  # o
UNKNOWN_METRIC = "Metric {name} does not exist."  # o

# solutions and their versions
RECIPE_OR_AUTO_ML = "Provide either a recipeArn or performAutoML, not both or neither."  # o
DOMAIN_RECIPE = "The recipe {arn} is a use case of a domain: create a recommender with it."  # o
NO_AUTO_ML_RECIPE = "The recipe {arn} does not take part in AutoML."  # o
THRESHOLD_WITHOUT_TYPE = "eventValueThreshold can only be given together with eventType."  # o
NOT_A_NUMBER = "{name} must be a number: {value}"  # o
INCREMENTAL_REFUSED = "performIncrementalUpdate is only supported for the recipe aws-semantic-similarity."  # o
UNSUPPORTED = "{name} is not supported for the recipe {arn}."  # o
RECIPE_NEEDED = "{name} is not supported with performAutoML."  # o
BAD_SCHEDULE = "schedulingExpression must be a rate of 1 to 30 days: {value}"  # o
TOO_MANY_JOBS = "{name} must be a number from 1 to {most}: {value}"  # o
NOT_TUNABLE = "Parameter {name} cannot be tuned for the recipe {arn}."  # o
RANGE_OF_OTHER_TYPE = "Parameter {name} is of another type than {member}."  # o
RANGE_TWICE = "The algorithmHyperParameterRanges have the parameter {name} more than once."  # o
BAD_RANGE = "Invalid range for parameter {name}: it must lie within {least:g} and {most:g}."  # o
NOT_EXCLUDABLE = "The column {name} cannot be excluded from training."  # o
UNKNOWN_COLUMN = "The {type} dataset of the dataset group has no column {name}."  # o
BOTH_COLUMN_LISTS = "Columns of {type} can either be excluded or included, not both."  # o
BAD_OBJECTIVE = "itemAttribute must be a numeric column of the Items dataset that is never null: {name}"  # o
UPDATE_REFUSED = "trainingMode UPDATE is not supported for the recipe {arn}."  # o
UPDATE_BEFORE_FULL = "trainingMode UPDATE needs an earlier ACTIVE solution version with trainingMode FULL."  # o
OUTPUT_ONLY_MODE = "trainingMode AUTOTRAIN cannot be requested."  # o
MISSING_DATASET = "The recipe requires an ACTIVE {type} dataset in the dataset group."  # o
NOT_STOPPABLE = (
    "Only solution versions in CREATE PENDING or CREATE IN_PROGRESS can be stopped; the status is {status}."  # o
)

# Trainings: what their failureReason says.
NO_DATASET = "{type} dataset not found in the dataset group."  # o
TOO_FEW = "Dataset has fewer than {least} interactions."  # o
TOO_FEW_OF_TYPE = "Dataset has fewer than {least} interactions after filtering by event type: {type}"  # s
TOO_FEW_USERS = "Create failed. Dataset has fewer than {least} users with at least {each} interactions each."  # d
TOO_SMALL_SHARE = (
    "Create failed. Fewer than {least:.0%} of the users in the dataset have at least {each} interactions each."  # o
)
COLD_ITEMS = "The number of cold items must lie between {least} and {most}."  # o
LARGE_SIDE_DATA = "The Items and Users datasets together cannot be larger than {most:g} GB."  # o
TOO_MANY_EVENT_TYPES = "The Interactions dataset has more than {most} event types and metadata columns together."  # o
NO_TRAINED_COLUMN = "The Interactions schema has no column {names}, which the solution filters by."  # o
UNKNOWN_OBJECTIVE_METRIC = "Unknown metric: {name}."  # o
NO_MODEL = "The recipe {arn} is not built in fakepersonalize yet."  # o

# campaigns and recommenders
NO_CAMPAIGNS = "Solution versions of the recipe {arn} cannot be deployed: use a batch segment job."  # o
EXPLORATION_REFUSED = "itemExplorationConfig is not supported for the recipe {arn}."  # o
INFLUENCE_REFUSED = "rankingInfluence is only supported for the recipe aws-semantic-similarity."  # o
UNKNOWN_EXPLORATION = "Unknown member of itemExplorationConfig: {name}."  # o
SYNC_WITHOUT_LATEST = "syncWithLatestSolutionVersion needs a solutionVersionArn that ends in /$LATEST."  # o
OTHER_GROUP = "The solution version belongs to another dataset group."  # o
CUSTOM_GROUP = "Please use a domains-specific Dataset Group to create the Recommender"  # s
OTHER_DOMAIN = "The recipe {arn} is no use case of the domain {domain}."  # o

# batch jobs
NO_BATCH = "Solution versions of the recipe {arn} cannot be used in a {job}."  # o
NO_THEMES = "batchInferenceJobMode THEME_GENERATION is only supported for the recipe aws-similar-items."  # o
THEMES_OR_CONFIG = "themeGenerationConfig and batchInferenceJobMode THEME_GENERATION go together."  # o
NO_THEME_TEXT = "Themes need a textual column in the Items dataset."  # o
NO_ITEM_NAME = "itemName must be a string column of the Items dataset: {name}"  # o
FILTER_OF_OTHER_GROUP = "The filter {arn} belongs to another dataset group."  # o
WRONG_SUBJECT = "The filter {arn} must be an expression on {subject}."  # o
NO_INTERACTIONS_IN_FILTER = "Filters on Interactions are not supported for the recipe {arn}."  # o
TOO_MANY_FILES = "The input of one job cannot have more than {most:,} files."  # o
TOO_MUCH_INPUT = "The input of one job cannot be larger than {most:g} GB."  # o
TOO_MANY_LINES = "An input file cannot have more than {most:,} lines: {name}"  # o
# behind "User error: " in lines of output (seen for REQUIRED_FIELDS below)
NO_THEME = "The items have nothing in common that a theme could name."  # o
LINE_NOT_JSON = "The line is not valid JSON: {reason}"  # o
LINE_NO_OBJECT = "The line is not a JSON object."  # o
LINE_NO_STRING = "{name} must be a string."  # o
LINE_NO_LIST = "{name} must be a list of strings."  # o
LINE_NO_MAP = "{name} must be an object whose values are strings."  # o
LINE_UNKNOWN_ITEM = "Item {id} was not present when the solution version was trained."  # o
LINE_BAD_ATTRIBUTES = 'itemAttributes must be conditions such as ITEMS.GENRE = "Comedy", joined by AND: {reason}'  # o
ONLY_AND = "only AND joins them."  # o
ONLY_EQUAL = "each compares a column of Items by =."  # o
LINE_UNKNOWN_ATTRIBUTE = "No item had {attribute} when the solution version was trained."  # o
RESULTS_OUT_OF_RANGE = "numResults must lie between 0 and {most}: {value}"  # o

# runtime
ONE_ENDPOINT = "Provide either a campaignArn or a recommenderArn, not both or neither."  # o
REQUIRED_FIELDS = "Required fields for the provided recipe are {names}"  # s, in the output of batch jobs
TOO_MANY_RESULTS = "numResults cannot be more than {most}."  # o
WRONG_CALL = "The recipe {arn} does not answer {operation}."  # o
CALL_INSTEAD = "it answers {operation}"  # o, a hint
INCOMPLETE_PROMOTION = "A promotion needs a filterArn and percentPromotedItems."  # o
NO_CURRENT_ITEM = "The filter {arn} compares with CurrentItem, and the recipe {recipe} has none."  # o
BAD_LIST = "inputList must have 1 to {most} items, and none without an id."  # o
METADATA_OF_ITEMS = "metadataColumns can only be asked for of ITEMS: {name}"  # o
TOO_MANY_COLUMNS = "metadataColumns cannot have more than {most} columns."  # o
METADATA_OFF = "Metadata is not enabled: enableMetadataWithRecommendations is not set."  # o

# streamed records
UNKNOWN_TRACKING_ID = "The given tracking ID is invalid: {id}"  # o
TRACKER_WITHOUT_DATASET = "The dataset group of the event tracker has no Interactions dataset."  # o
WRONG_DATASET = "The dataset {arn} is of type {type}, not {wanted}."  # o
BAD_PROPERTIES = "Error parsing properties json"  # s
FORBIDDEN_KEY = "Properties cannot contain the key {key}."  # o
EVENT_WITHOUT_ITEM = "Each event needs an itemId."  # o
NULL_VALUE = "Column {column} cannot be null."  # o
WRONG_VALUE = "Invalid value for column {column}."  # o
LARGE_EVENT = "An event cannot be larger than 10 KB."  # o
UNKNOWN_ACTION_EVENT = "eventType must be Taken, Not Taken or Viewed: {type}"  # o

DID_YOU_MEAN = "did you mean {name}?"  # o, a hint

# tags
NOT_TAGGABLE = "Resource {arn} does not support tags."  # o

# at the front door
FOREIGN_HOST = "This server does not answer for the host {host!r}. Call it localhost, or allow it: --allow-host."  # o
FOREIGN_PAGE = "This server does not answer requests of other websites ({origin!r}), only those of its own pages."  # o
UNSIGNED = "Request is missing Authentication Token"  # s of other AWS services
NEEDS_ADMIN_TOKEN = "This page needs the header 'Authorization: Bearer TOKEN' with the server's admin token."  # o
NO_ADMIN_TOKEN = "Only this machine may use this page until the server has a token; start it with --admin-token."  # o
NO_MOTO_PAGE = "There is no such page; moto's dashboard and recorder are off."  # o
OTHER_METHODS = "This page takes {methods} only."  # o
LARGE_BODY = "The request body exceeds {limit} bytes."  # o

# CloudFormation
NO_STACKS = "Template format error: Unrecognized resource types: [{type}] ({name})"  # o
NO_TYPE = "Template format error: [/Resources/{name}] Every Resources object must contain a Type member."  # o
NO_TRANSFORMS = "transforms are not run here; write the resources into the template"  # o, a hint
USE_API = "CloudFormation cannot create resources of Personalize here yet; create them by the API or a set-up file"  # o

# pages of lists
BAD_TOKEN = "The token is not valid."  # o

# parameters of recipes
BAD_PARAMETER = "Invalid value {value} for parameter {name}: expected {expected}."  # o
MINIMUM_ABOVE_MAXIMUM = "Parameter {name} must not be greater than max_{most}."  # o
UNKNOWN_PARAMETER = "Unknown parameter {name} for recipe {arn}."  # o

# schemas
FIELDS_ALIKE = "Field names must be unique: {one}, {other}."  # o
FIELD_TYPE = "Field {name} must be of type {type}."  # o
BOTH_ATTRIBUTES = "Field {name} cannot be both categorical and textual."  # o
ATTRIBUTES_OF_ITEMS = "Field {name}: textual and itemName are for Items schemas."  # o
ONE_FIELD_OF_KIND = "Schema has more than one {flag} field: {names}."  # o
FIELDS_MISSING = "Schema is missing required fields: {names}."  # o
CATEGORICAL = "Field {name} {must} be categorical."  # o
NOT_TEXTUAL = "Field {name} must be textual."  # o
TOO_MUCH_METADATA = "Schema has more than {most} metadata fields."  # o
NO_METADATA = "Schema must have at least one metadata field."  # o
NOT_AVRO = "Input schema is not a valid Avro schema."  # o
NO_REPLACEMENT = "The schema cannot replace the schema of the dataset."  # o

# filter expressions and their values
INVALID_EXPRESSION = "Invalid Expression"  # d
INVALID_SYMBOL = "Invalid input symbol: {}"  # d
MISSING_WHERE = f"{INVALID_EXPRESSION}: missing WHERE"  # o
INCOMPLETE = f"{INVALID_EXPRESSION}: it ends too early"  # o
USER_OUTSIDE_IF = f"{INVALID_EXPRESSION}: CurrentUser can only stand after IF"  # o
OTHERS_IN_IF = f"{INVALID_EXPRESSION}: IF takes conditions on CurrentUser only"  # o
NO_BOOLEANS = f"{INVALID_EXPRESSION}: boolean values are not supported"  # o
NO_PLACEHOLDER = "Invalid input symbol: ${}. Placeholders are not allowed with NOT_IN operator."  # d
ONE_SUBJECT = f"{INVALID_EXPRESSION}: all expressions must have one subject"  # o
ONE_DATASET = f"{INVALID_EXPRESSION}: conditions must use one dataset"  # o
NOT_OF_SUBJECT = f"{INVALID_EXPRESSION}: {{}} is no dataset for {{}}"  # o
NO_IF = f"{INVALID_EXPRESSION}: IF is not supported for UserID"  # o
UNKNOWN_DATASET = f"{INVALID_EXPRESSION}: dataset {{}} not found"  # o
UNKNOWN_FIELD = f"{INVALID_EXPRESSION}: field {{}} not found in {{}}"  # o
FIELDS_OF_ONE_FILTER = f"{INVALID_EXPRESSION}: more than {{}} fields"  # o
ONLY_EVENT_TYPE = f"{INVALID_EXPRESSION}: only EVENT_TYPE of {{}} can be used, with IN or NOT IN"  # o
TEXTUAL_FIELD = f"{INVALID_EXPRESSION}: textual field {{}}"  # o
BOOLEAN_FIELD = f"{INVALID_EXPRESSION}: boolean field {{}}"  # o
AUTOMATIC_FIELD = f"{INVALID_EXPRESSION}: field {{}} is filtered automatically"  # o
NO_RANGE = f"{INVALID_EXPRESSION}: {{}} needs a field of numbers, {{}} is a string"  # o
NO_NUMBER = f"{INVALID_EXPRESSION}: field {{}} needs a number"  # o
UNLIKE = f"{INVALID_EXPRESSION}: fields {{}} and {{}} cannot be compared"  # o
CURRENT_ITEM_OF_OTHERS = f"{INVALID_EXPRESSION}: CurrentItem is only supported in conditions on Items"  # o
BAD_FILTER_VALUE = "Invalid value for filter parameter {}."  # o
NO_FILTER_VALUE = "Missing value for filter parameter {}."  # o
ONE_FILTER_VALUE = "Filter parameter {} takes one value."  # o

# shapes: s of other AWS services of the same framework; no public output of Personalize shows one
DETECTED = "{count} validation error{s} detected: {violations}"  # s
VIOLATION = "Value {value}at '{path}' failed to satisfy constraint: {constraint}"  # s
NOT_NULL = "Member must not be null"  # s
LENGTH_AT_MOST = "Member must have length less than or equal to {limit}"  # s
LENGTH_AT_LEAST = "Member must have length greater than or equal to {limit}"  # s
VALUE_AT_MOST = "Member must have value less than or equal to {limit}"  # s
VALUE_AT_LEAST = "Member must have value greater than or equal to {limit}"  # s
PATTERN = "Member must satisfy regular expression pattern: {pattern}"  # s
ENUM = "Member must satisfy enum value set: [{values}]"  # s
EACH_MEMBER = "Member must satisfy constraint: [{constraints}]"  # s
EACH_KEY = "Map keys must satisfy constraint: [{constraints}]"  # s
EACH_VALUE = "Map value must satisfy constraint: [{constraints}]"  # s
UNKNOWN_MEMBER = "Member must be declared in {shape}"  # o

# bodies: s of other AWS services, but for ` at '<member>'`, which is ours: AWS does not say where
NOT_CONVERTIBLE = "{token} can not be converted to {wanted} at '{path}'"  # s
STRUCTURE_NOT_EXPECTED = "Start of structure or map found where not expected at '{path}'"  # s
LIST_NOT_EXPECTED = "Start of list found where not expected at '{path}'"  # s
NOT_JSON = "Could not parse request body into json: {reason}"  # o
NOT_AN_OBJECT = "The request body is not a JSON object"  # o
