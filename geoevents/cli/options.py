"""The options of the commands: their types, defaults and help texts."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from geoevents.errors import InputError
from geoevents.records import iso_date


class Backend(str, Enum):
    """What runs the model."""

    onnx = "onnx"
    torch = "torch"


class Engine(str, Enum):
    """Where the workers of a bulk run are."""

    processes = "processes"
    ray = "ray"


class Status(str, Enum):
    """Status of an event."""

    asserted = "asserted"
    negated = "negated"
    hypothetical = "hypothetical"


class Reciprocal(str, Enum):
    """How to write acts with a joint subject."""

    joint = "joint"
    expand = "expand"
    annotated = "annotated"


class Columns(str, Enum):
    """Columns of the rows."""

    geoevents = "geoevents"
    gdelt = "gdelt"
    polecat = "polecat"


class InputFormat(str, Enum):
    """Formats that are read."""

    txt = "txt"
    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"


class OutputFormat(str, Enum):
    """Formats that are written."""

    table = "table"
    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"


def _date(value: str | None) -> str | None:
    try:
        return iso_date(value)
    except InputError as error:
        raise typer.BadParameter(error.cause) from None


ModelName = Annotated[str, typer.Option("--model", "-m", help="A shipped model's name or a model directory.")]
BackendName = Annotated[Backend, typer.Option("--backend", help="What runs the model; torch needs the extra 'train'.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

Files = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE…", help="Files to read, directories, patterns in quotation marks, or - for standard input."
    ),
]
Output = Annotated[
    str | None,
    typer.Option(
        "--output",
        "-o",
        help="File to write: .jsonl, .csv, .tsv or .parquet; or a directory for Parquet shards: one that exists, or a"
        " name that ends with /.",
    ),
]
HtmlFile = Annotated[
    Path | None,
    typer.Option("--html", help="Write a page with the events highlighted in the texts (the first 200 documents)."),
]
SkippedFile = Annotated[
    Path | None,
    typer.Option(
        "--skipped",
        help="List the skipped records in a file of JSON Lines; a directory of shards always has such a list.",
    ),
]
EngineName = Annotated[
    Engine,
    typer.Option(
        "--engine",
        help="Where the workers are, for a directory of shards: processes of this machine, or on a Ray cluster (extra"
        " 'ray').",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Processes that code, for a directory of shards.  [default with Ray: one on each core]"),
]
TimeLimit = Annotated[
    float | None,
    typer.Option(min=0.1, help="Seconds that a document may take before it is skipped, for a directory of shards."),
]
ResumeRun = Annotated[bool, typer.Option("--resume", help="Go on with a run into a directory of shards.")]
ShardSize = Annotated[int | None, typer.Option(min=1, help="Documents in a shard.  [default: 10000]")]
TextColumn = Annotated[str | None, typer.Option(help="Column with the text.  [default: text, body, content …]")]
IdColumn = Annotated[str | None, typer.Option(help="Column with the identifier.  [default: id, url … or file:line]")]
DateColumn = Annotated[str | None, typer.Option(help="Column with the date.  [default: date, published …]")]
Date = Annotated[
    str | None, typer.Option("--date", callback=_date, help="Date of the documents that have none, YYYY-MM-DD.")
]
Statuses = Annotated[
    list[Status] | None, typer.Option("--status", help="Only events of this status; may be repeated.  [default: all]")
]
MinScore = Annotated[float, typer.Option(min=0, max=1, help="Only events with at least this score.")]
ReciprocalMode = Annotated[
    Reciprocal,
    typer.Option(
        "--reciprocal",
        help="Acts with a joint subject: joint puts all parties on both sides, expand writes one event for each"
        " direction, annotated leaves all as sources.",
    ),
]
Dictionaries = Annotated[
    list[Path] | None,
    typer.Option("--dictionary", help="Actor dictionary of your own, which wins over ours; may be repeated."),
]
Lenient = Annotated[bool, typer.Option("--lenient", help="Use the good lines of a dictionary that has malformed ones.")]
ColumnSet = Annotated[
    Columns | None,
    typer.Option("--columns", help="Columns of the rows.  [default: geoevents; in JSON Lines: whole events]"),
]
From = Annotated[InputFormat | None, typer.Option("--from", help="Format of the input.  [default: by suffix]")]
To = Annotated[
    OutputFormat | None,
    typer.Option("--to", help="Format of the output.  [default: by suffix; table on a terminal, else jsonl]"),
]
Encoding = Annotated[str, typer.Option(help="Encoding of text files.")]
Lines = Annotated[bool, typer.Option("--lines", help="Each line of a .txt file is a document of its own.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Sentences that go through the model at once.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Threads of the model.  [default: one on each core]")]

Corpus = Annotated[
    list[Path], typer.Argument(metavar="CORPUS…", help="Annotated files in any format that `convert` reads.")
]
Predictions = Annotated[
    Path | None,
    typer.Option(help="Score these documents (same ids and texts) in place of a model."),
]
DevCorpus = Annotated[
    list[Path] | None,
    typer.Option(
        "--dev",
        help="Annotated file to choose the epoch by; may be repeated.  [default: 15% of the corpus; none below 200]",
    ),
]
Encoder = Annotated[
    str, typer.Option(help="A Hugging Face encoder by name or path, or a geoevents model to fine-tune.")
]
ModelDirectory = Annotated[Path, typer.Option("--output", "-o", help="Directory for the model.")]
Epochs = Annotated[
    int | None,
    typer.Option(min=1, help="Passes over the training files.  [default: 13; 30 for fewer than 1,000 documents]"),
]
Steps = Annotated[
    int | None,
    typer.Option(min=1, help="Steps to train for; --epochs is then how often the dev files are evaluated on."),
]
TrainingBatch = Annotated[
    int | None, typer.Option(min=1, help="Documents in a step.  [default: 32; 8 for fewer than 1,000 documents]")
]
LearningRate = Annotated[float | None, typer.Option(help="Peak learning rate of the encoder.  [default: 0.0002]")]
LayerDecay = Annotated[
    float | None, typer.Option(min=0, max=1, help="Factor on the rate from each encoder layer to the one below.")
]
FrozenLayers = Annotated[
    int | None, typer.Option(min=0, help="Lowest encoder layers that stay as they are, with the embeddings.")
]
KeptLayers = Annotated[
    list[int] | None,
    typer.Option("--layers", min=0, help="Layer of the teacher's encoder to start with, from 0; may be repeated."),
]
Teacher = Annotated[str, typer.Option(help="The geoevents model to imitate, by name or directory.")]
Start = Annotated[str | None, typer.Option(help="A model to start with in place of the teacher, by name or directory.")]
InnerSize = Annotated[int | None, typer.Option(min=1, help="Width of the layers' inner part.  [default: as it is]")]
AttentionHeads = Annotated[int | None, typer.Option(min=1, help="Attention heads of a layer.  [default: as it is]")]
HeadSize = Annotated[int | None, typer.Option(min=1, help="Width of the role scores' layers.  [default: as it is]")]
TeacherTexts = Annotated[
    list[str] | None,
    typer.Option(
        "--texts",
        metavar="FILE",
        help="Texts without annotation to learn from too, in any form that 'geoevents extract' reads; may be repeated.",
    ),
]
TrainingWorkers = Annotated[
    int, typer.Option("--workers", min=0, help="Processes that make the batches and ask the teacher.")
]
Balanced = Annotated[bool, typer.Option("--balanced", help="Rare event types weigh more in the loss.")]
Stream = Annotated[
    bool, typer.Option("--stream", help="Read the corpus as a stream, never whole; needs --steps and --dev.")
]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
MixedPrecision = Annotated[
    bool,
    typer.Option("--mixed-precision", help="Compute in bfloat16: faster on processors and cards that have it."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in the output directory.")]

Prefix = Annotated[str, typer.Argument(help="Only codes that begin so, such as 04 or 131.")]
Search = Annotated[str | None, typer.Option(metavar="WORDS", help="Only codes that these words describe.")]

CorpusFiles = Annotated[
    list[Path], typer.Argument(metavar="CORPUS…", help="Annotated files of any known format, or directories of brat.")
]
CorpusIn = Annotated[Path, typer.Argument(metavar="IN", help="The corpus to read: a file, or a directory of brat.")]
CorpusOut = Annotated[Path, typer.Argument(metavar="OUT", help="The file to write, or the directory for brat.")]
CorpusFrom = Annotated[
    str | None, typer.Option("--from", help="Format: evt, jsonl, conll, brat, spacy, label-studio or doccano.")
]
CorpusTo = Annotated[str | None, typer.Option("--to", help="Format: evt, jsonl, conll or brat.  [default: by suffix]")]
OntologyFile = Annotated[
    Path | None, typer.Option("--ontology", help="Table of your own event types (docs/corpora.md).  [default: CAMEO]")
]
RoleNames = Annotated[
    list[str] | None,
    typer.Option("--role", metavar="LABEL=ROLE", help="What a label means, such as Attacker=source; LABEL= skips it."),
]
