"""ADQL 2.1: text → nodes → resolved query → SQL with parameters and result columns. No I/O here."""

from epntap.adql.functions import Features, optional_features, user_defined_functions
from epntap.adql.parser import parse
from epntap.adql.translate import Translation, translate

__all__ = ["Features", "Translation", "optional_features", "parse", "translate", "user_defined_functions"]
