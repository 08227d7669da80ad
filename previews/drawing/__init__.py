"""The process that draws: panels from records, lines and rasters on a figure."""
