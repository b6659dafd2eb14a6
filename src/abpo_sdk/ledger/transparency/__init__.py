"""What any transparency log needs, and nothing of a ledger: Merkle trees and proofs, signed notes, checkpoints, anchors."""
