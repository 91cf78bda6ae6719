"""The sub-commands, one file each."""

from zaoju.cli.commands.clean import clean
from zaoju.cli.commands.config import config
from zaoju.cli.commands.evaluate import evaluate
from zaoju.cli.commands.export import export
from zaoju.cli.commands.generate import generate
from zaoju.cli.commands.init import init
from zaoju.cli.commands.new_plugin import new_plugin
from zaoju.cli.commands.plugins import plugins
from zaoju.cli.commands.prepare import prepare
from zaoju.cli.commands.run import run
from zaoju.cli.commands.segment import segment
from zaoju.cli.commands.status import status
from zaoju.cli.commands.tokenize import tokenize
from zaoju.cli.commands.train import train
from zaoju.cli.commands.version import version
from zaoju.cli.commands.vocabulary import vocabulary

COMMANDS = [
    run,
    prepare,
    vocabulary,
    train,
    evaluate,
    generate,
    export,
    segment,
    tokenize,
    init,
    config,
    plugins,
    new_plugin,
    status,
    clean,
    version,
]

__all__ = ["COMMANDS"]
