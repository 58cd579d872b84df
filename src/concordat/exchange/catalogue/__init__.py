"""Catalogues: one model of what is offered, printed and read in the forms that others use, and harvested from them."""
