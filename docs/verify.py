"""Verify an evidence bundle with the ledger's public key alone: `python verify.py BUNDLE "KEY" [ANCHORED]`.

BUNDLE: a file of `Ledger.export`. KEY: "name+id+key", or several of one name with spaces between, got from elsewhere.
ANCHORED: a file of checkpoints that were kept out of reach of the ledger's owner. Ends with 0 if all fits, 1 naming the
first thing that does not, 2 if it cannot tell. Nobody can see from a bundle: chains that are not in it; what came after
its checkpoint; ends cut off chains, as nothing signs their lengths, unless it holds all entries under the checkpoint
(which is said); whether others are shown another ledger, unless its checkpoints are compared with ANCHORED.
"""

# ruff: noqa: D103, T201
import base64
import hmac
import json
import re
import sys
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

OWN, CHECKPOINT = "$ledger", {str: "checkpoint", list: "consistency"}
MANIFEST = {str: "checkpoint format key origin", int: "checkpoints size", list: "chains"}
ENTRY = {str: "header", int: "leaf", list: "inclusion", None: "payload salt"}
HEADER = {str: "at chain kind name payload previous scope", int: "ordinal position schema", None: "inputs sealed"}
NOTE = re.compile(r"((\S+)\n(0|[1-9][0-9]{0,19})\n(\S+)\n)\n((?:— [^\s+\x00-\x1f]+ \S+\n)+)")


def need(fits, otherwise):
    if not fits:
        raise ValueError(otherwise)


def parsed(line, members):  # an object with these members, from its one canonical form (RFC 8785) and a newline
    need(line.endswith(b"\n"), "it is missing, or cut off")
    value, kinds = json.loads(line.decode()), {name: kind for kind in members for name in members[kind].split()}
    typed = {name: kind(value[name]) if kind else value[name] for name, kind in kinds.items()}
    canonical = json.dumps(typed, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    need(canonical.encode() + b"\n" == line, "it is not the canonical JSON of what should stand there")
    return typed


def unbase64(text):
    need(base64.b64encode(base64.b64decode(text)).decode() == text, "base64 is not in its one spelling")
    return base64.b64decode(text)


def trusted(text):  # public keys by name and id: https://c2sp.org/signed-note, "Verifier keys"
    keys = {}
    for key in text.split():
        need(found := re.fullmatch(r"([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})", key), "the key is not name+id+key")
        (name, number), raw = found.group(1, 2), unbase64(found[3])
        need(raw[0] == 1 and sha256(name.encode() + b"\n" + raw).hexdigest()[:8] == number, "not Ed25519, or changed")
        keys[f"{name}+{number}"] = Ed25519PublicKey.from_public_bytes(raw[1:])
    need(len({key.split("+")[0] for key in keys}) == 1, "a public key is needed; if several, then of one name")
    return keys


def opened(note, keys):  # size and root of a checkpoint that a key signed: https://c2sp.org/tlog-checkpoint
    need(found := NOTE.fullmatch(note), "its checkpoint is no signed note")
    (text, origin, size, root, block), signed = found.groups(), False
    for name, raw in ((line.split(" ")[1], unbase64(line.split(" ")[2])) for line in block.split("\n")[:-1]):
        need(len(raw) > 4, "a signature is empty")
        if public := keys.get(f"{name}+{raw[:4].hex()}"):
            public.verify(raw[4:], text.encode())
            signed = signed or name == origin
    need(signed and len(unbase64(root)) == 32 and int(size) < 2**64, "no trusted key signed its checkpoint")
    return int(size), unbase64(root)


def climbed(index, last, start, proof):  # the two roots that a proof leads to: RFC 9162, 2.1.3.2 and 2.1.4.2
    need(0 <= index <= last and all(re.fullmatch("[0-9a-f]{64}", item) for item in proof), "its proof is malformed")
    older = newer = start or bytes.fromhex(proof.pop(0))
    for beside in map(bytes.fromhex, proof):
        need(last, "its proof is too long")
        if index & 1 or index == last:
            older, newer = (sha256(b"\x01" + beside + root).digest() for root in (older, newer))
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            newer = sha256(b"\x01" + newer + beside).digest()
        index, last = index >> 1, last >> 1
    need(not last, "its proof is too short")
    return older, newer


def verify(file, keys, notes, at):  # gives what was verified; `at` says how far that came, from a manifest on
    need(all(map(NOTE.fullmatch, notes)), "the file of anchored checkpoints holds none, or something else")
    need(b'"format":"abpo-bundle/1"' in (line := file.readline(2**30)), "it is no evidence bundle (abpo-bundle/1)")
    at[:] = ["the manifest"]
    manifest, before, swept, past, lost = parsed(line, MANIFEST), {}, 0, [(0, sha256().digest())], []
    chains, (signer, *more) = manifest["chains"], trusted(manifest["key"])
    need(signer in keys and not more, f"it names {signer}, which is not trusted")
    size, root = opened(manifest["checkpoint"], {signer: keys[signer]})
    need((signer.split("+")[0], size) == (manifest["origin"], manifest["size"]), "its origin or size is another")
    need(all(type(chain) is str and type(length) is int and length > 0 for chain, length in chains), "a chain is none")
    need((order := [(chain != OWN, chain) for chain, _ in chains]) == sorted(set(order)), "its chains are in no order")
    for number in range(manifest["checkpoints"]):
        at[:] = [f"checkpoint {number}"]
        line, (old, old_root) = parsed(file.readline(2**30), CHECKPOINT), past[-1]
        (new, new_root), proof = opened(line["checkpoint"], keys), line["consistency"]
        grew = not proof and old <= new and (old < new or old_root == new_root)
        if 0 < old < new:
            level, start = (old & -old).bit_length() - 1, None if old & old - 1 else old_root
            grew = climbed(old - 1 >> level, new - 1 >> level, start, proof) == (old_root, new_root)
        need(grew, "it did not grow from the one before it")
        past.append((new, new_root))
    need(len(past) > 1 and line["checkpoint"] == manifest["checkpoint"], "it is not the one that the manifest names")
    for chain, length in chains:
        previous = "0" * 64
        for position in range(length):
            at[:] = [f"{chain!r}, entry {position}", chain, position]
            line = parsed(file.readline(2**30), ENTRY)
            raw, payload, salt = line["header"].encode(), line["payload"], line["salt"]
            header, leaf = parsed(raw + b"\n", HEADER), sha256(b"\x00" + raw).digest()
            place = header["schema"], header["chain"], header["position"], header["previous"]
            need(place == (1, chain, position, previous), "another entry stands there, or one that follows another")
            need(climbed(line["leaf"], size - 1, leaf, line["inclusion"])[1] == root, "it is not under the checkpoint")
            previous = leaf.hex()
            if payload is None and salt is None:
                excused = chain != OWN and header["at"] < before.get(header["kind"], "")
                need(excused, "its payload is missing, and nothing says that it was swept")
                swept += 1
                continue
            same = hmac.digest(bytes.fromhex(salt), payload.encode(), "sha256").hex() == header["payload"]
            need(same and re.fullmatch("[0-9a-f]{32}", salt), "its payload or salt is not what was written")
            if chain == OWN and header["kind"] == "swept":
                own = json.loads(payload)
                before[own["kind"]] = max(own["before"], before.get(own["kind"], ""))
            if chain == OWN and header["kind"] == "reopened":  # which anchored checkpoints a person gave up
                lost += [(item["size"], bytes.fromhex(item["root"])) for item in json.loads(payload)["lost"]]
    at[:] = ["its end"]
    need(not file.read(1), "more stands there than the manifest names")
    found = {"of this ledger": 0, "given up when it was reopened": 0, "newer than the bundle": 0}
    for number, note in enumerate(notes):
        at[:] = [f"anchored checkpoint {number}"]
        known = opened(note, keys)
        need(known in past + lost or known[0] > size, "the bundle has no such checkpoint (a fork?)")
        found[list(found)[0 if known in past else 1 if known in lost else 2]] += 1
    entries, signed = sum(length for _, length in chains), manifest["checkpoints"]
    return (
        f"verified: {entries:,} entr{'y' if entries == 1 else 'ies'} in {len(chains):,} chain{'s' * (len(chains) != 1)}; "
        f"{f'payloads missing, as they were swept: {swept:,}' if swept else 'no payload is missing'}\n"
        f"{'all' if entries == size else 'NOT ALL'} entries under its checkpoint are in the bundle: {entries:,} of {size:,}\n"
        f"signed by {signer}; {signed:,} checkpoint{'s, each grown from the one before it' if signed > 1 else ''}\n"
        f"anchored checkpoints: {', '.join(f'{count:,} {what}' for what, count in found.items())}"
    )


def main(arguments, at):
    if len(arguments) not in (2, 3):
        print('usage: python verify.py BUNDLE "KEY" [ANCHORED]')
        return 2
    path, keys, *anchored = arguments
    try:
        parts = Path(*anchored).read_text("utf-8").split("\n\n")[:-1] if anchored else []
        notes = [f"{text}\n\n{signed}\n" for text, signed in zip(parts[::2], parts[1::2], strict=False)]
        with Path(path).open("rb") as file:
            print(verify(file, trusted(keys), notes or [""] * len(anchored), at))
            return 0
    except OSError as error:
        at, said = [], f"{error.filename or path} cannot be read: {error.strerror}"
    except Exception as error:  # noqa: BLE001  whatever stands in the file, one line says that it does not fit
        said = f"it lacks the member {error.args[0]}" if type(error) is KeyError else str(error) or type(error).__name__
    print(f"{f'broken at {at[0]}' if at else 'nothing verified'}: {said}".splitlines()[0])
    return 1 if at else 2


if __name__ == "__main__":
    sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(main(sys.argv[1:], []))
