"""Numbers as the program files print them."""

from __future__ import annotations

from decimal import Context, Decimal

# A float64 has at most 767 significant decimal digits.
_EXACT = Context(prec=800)


def format_float(value: float) -> str:
    """Write a float64 in the fewest digits that read back as the same number, without an exponent.

    Whole numbers have no ``.0``, negative zero is ``-0``, and of two equally near shortest forms the larger in
    magnitude is printed (this is what Rust's ``{}`` prints; Python's ``repr`` takes the even digit there).
    """
    value = float(value)
    shortest = Decimal(repr(value))
    sign, digits, exponent = shortest.as_tuple()
    # Two 16- or 17-digit forms can read back as one number; the tie shows as an exact value ending in 5 one digit on.
    if len(digits) >= 16 and isinstance(exponent, int):
        exact = Decimal(value).normalize(_EXACT)
        if exact.as_tuple().exponent == exponent - 1 and exact.as_tuple().digits[-1] == 5:
            truncated = int("".join(map(str, exact.as_tuple().digits[:-1])))
            larger = Decimal((sign, tuple(map(int, str(truncated + 1))), exponent))
            shortest = larger if float(larger) == value else shortest
    text = format(shortest, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
