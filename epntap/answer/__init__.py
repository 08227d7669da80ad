"""An answer: blocks of bytes, how they end, who may have how many at once, and who watches."""
