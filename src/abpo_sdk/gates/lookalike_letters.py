"""Letters that look like Latin ones, and what they look like.

The pairs are from `confusables.txt` of Unicode Technical Standard 39, version 16.0.0 (Unicode Security Mechanisms; © Unicode,
Inc., Unicode License v3): the letters of the scripts below that stand alone for a Latin letter or a digit. Four choices
differ from it. A letter is taken in both of its cases where one of them has a lookalike, so that case never matters (the
Cyrillic "в" is a "b" because "В" is). Of several letters of one script for one and the same Latin letter, the nearest is
taken, so that two names in that script stay two. What looks like a capital I is an "i", not an "l". Small capitals are
added.
"""

from __future__ import annotations

LATIN = "ɑa ʙb ᴄc ᴅd ᴇe ꬲe ꞙf ꬵf ɡg ɢg ᶃg ʜh ıi ɩi ɪi ʝj ᴊj ĸk ᴋk ǀl ʟl ᴍm ɴn ᴏo ᴑo ꬽo ᴘp ʀr ꭇr ꭈr ƽs ꜱs ᴛt ʋu ᴜu ꞟu ꭎu ꭒu ᴠv ɯw ᴡw ꭓx ɣy ʏy ᶌy ỿy ꭚy ᴢz ƅb ꞵb ƨ2 ȝ3 ʒ3 ȣ8"
GREEK = "αa βb εe ϝf ηh ιi ϳj κk μm νv οo ρp τt υu χx ζz"
CYRILLIC = "аa вb ьb сc ԁd еe ԍg нh һh іi јj кk ӏl мm оo рp ԛq гr ѕs тt ѵv ԝw хx уy з3 б6"
ARMENIAN = "քf ցg հh ոn օo զq տs սu աw"
CHEROKEE = "ᎪA ᏴB ᏟC ᎠD ᎬE ᏀG ᎻH ᎥI ᎫJ ᏦK ᏞL ᎷM ᏢP ᎡR ᏚS ᎢT ᏙV ᎳW ᎩY ᏃZ Ꮞ4 Ꮾ6"
COPTIC = "ⲥc ⲏh ⲓi ⲕk ⳑl ⲙm ⲛn ⲟo ⲣp ⲅr ⲧt ⲭx ⲩy ϩ2 ⳍ3 ⳓ6 ⳋ9"
LISU = "ꓮa ꓐb ꓚc ꓓd ꓰe ꓝf ꓖg ꓧh ꓲi ꓙj ꓗk ꓡl ꓟm ꓠn ꓳo ꓑp ꓣr ꓢs ꓔt ꓴu ꓦv ꓪw ꓫx ꓬy ꓜz"

MARKS = "‘' ’' ‛' ʼ' ʹ' ′' ՚' ＇' −- ⁃- ˗- ․. ۔- ⸱."

SHAPES: dict[int, str] = {
    ord(pair[0].casefold()): pair[1].casefold()
    for script in (LATIN, GREEK, CYRILLIC, ARMENIAN, CHEROKEE, COPTIC, LISU, MARKS)
    for pair in script.split()
}
"""What each looks like, for texts whose case is folded."""

GREEK_CAPITALS = str.maketrans({"Ν": "n", "Υ": "y"})
"""Greek letters whose capital looks like another Latin letter than the small one: ν like v, and υ like u."""
