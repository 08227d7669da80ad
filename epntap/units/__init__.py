"""Units: read, written as VOUnit, converted. The only room that knows astropy.units."""
