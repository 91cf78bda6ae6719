"""Find plugins, isolate them, choose among them, and explain what became of each."""

from zaoju.plugins.discovery import PluginInfo
from zaoju.plugins.kinds import CONTRACT_VERSION, KINDS
from zaoju.plugins.manager import PluginManager
from zaoju.plugins.offers import Offer
from zaoju.plugins.resolved import JSON, ResolvedComponent
from zaoju.plugins.selection import PluginSettings

__all__ = [
    "CONTRACT_VERSION",
    "JSON",
    "KINDS",
    "Offer",
    "PluginInfo",
    "PluginManager",
    "PluginSettings",
    "ResolvedComponent",
]
