package mailpath

import (
	"crypto/md5" // dpkg has no other
	"crypto/sha256"
	"encoding/hex"

	"waxseal"
)

// maxVouched bounds a program whose digests are made.
const maxVouched = 64 << 20

// Vouched says what the package database of the last reading has on the content of one
// file, and the file's digest.
func (r *Reader) Vouched(tree waxseal.Tree, p waxseal.Path) (waxseal.PackageState, waxseal.Digest) {
	f, err := tree.Stat(p)
	if err != nil || r.packages == nil {
		return waxseal.PackageUnknown, ""
	}
	content, err := tree.ReadFile(p, maxVouched)
	if err != nil {
		return waxseal.PackageUnknown, ""
	}
	short, long := md5.Sum(content), sha256.Sum256(content)
	sums := waxseal.Sums{MD5: hex.EncodeToString(short[:]), SHA256: hex.EncodeToString(long[:])}
	return r.packages.State(whereIs(f), sums), waxseal.Digest(sums.SHA256)
}
