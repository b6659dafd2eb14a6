"""Which currencies there are, and how many decimals each has.

Source: ISO 4217, list one (current currencies and funds), as published on 2026-01-01, column "minor unit". Codes for which
it says "N.A." (gold, special drawing rights, "no currency") are no money that a limit could be written in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from abpo_sdk.errors import AmountInvalid

_BY_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU "
    "CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES "
    "KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR "
    "NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP "
    "TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
DECIMALS: Mapping[str, int] = MappingProxyType(
    {code: decimals for decimals, codes in _BY_DECIMALS.items() for code in codes.split()}
)
"""The decimals of each currency."""

MOST_DECIMALS = 9
"""How many decimals a unit that a user adds may have."""

_CODE = re.compile(r"[A-Z][A-Z0-9]{1,9}")


def decimals_of(currency: object, added: Mapping[str, int] | None = None) -> int:
    """How many decimals a currency has.

    Args:
        currency: its code in ISO 4217.
        added: the decimals of codes that ISO 4217 does not list, or no longer (`minor_units=`).

    Raises:
        AmountInvalid: no code, an unknown one, or `added` says something else than ISO 4217.

    >>> decimals_of("EUR"), decimals_of("JPY"), decimals_of("KWD"), decimals_of("USDC", {"USDC": 6})
    (2, 0, 3, 6)
    """
    added = added or {}
    _check_added(added)
    if not isinstance(currency, str) or not currency.strip():
        raise AmountInvalid(f"there is no currency, only {currency!r}; say one, such as 'EUR'")
    if currency in added:
        return added[currency]
    if currency in DECIMALS:
        return DECIMALS[currency]
    shown, upper = repr(currency[:20]), currency[:20].strip().upper()
    if upper in DECIMALS or upper in added:
        raise AmountInvalid(f"the currency {shown} is unknown; write {upper!r}")
    raise AmountInvalid(
        f"the currency {shown} is unknown: ISO 4217 lists no such money now; if it is right, say how many decimals it has "
        f"with minor_units={{{shown}: 2}}"
    )


def _check_added(added: Mapping[str, int]) -> None:
    for code, decimals in added.items():
        if not isinstance(code, str) or not _CODE.fullmatch(code):
            raise AmountInvalid(f"minor_units={{{code!r}: ...}}: a currency's code is 2 to 10 of A-Z and 0-9")
        if isinstance(decimals, bool) or not isinstance(decimals, int) or not 0 <= decimals <= MOST_DECIMALS:
            raise AmountInvalid(
                f"minor_units={{{code!r}: {decimals!r}}}: say a whole number of 0 to {MOST_DECIMALS} decimals"
            )
        if DECIMALS.get(code, decimals) != decimals:
            raise AmountInvalid(
                f"minor_units={{{code!r}: {decimals}}}: ISO 4217 gives {code} {DECIMALS[code]} decimals; leave it out"
            )
