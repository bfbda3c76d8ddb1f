package waxseal

// Package is an installed package that owns a file of the mail set.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Manager string `json:"manager"` // "dpkg", "rpm"
	// State is where a package stands that is not wholly installed: "unpacked",
	// "half-configured" (dpkg(1)). Its files may be new and its digests old, or the
	// other way round. "" is installed.
	State string `json:"state,omitempty"`
	// Fingerprint is the SHA-256 of what the package database says of the
	// package's files: their paths and digests. Where it changes and the version
	// does not, somebody has edited the database.
	Fingerprint Digest `json:"fingerprint"`
}

// Sums are digests of one content as package databases have them, in lower-case
// hexadecimal; "" is one that is not known.
type Sums struct {
	MD5    string
	SHA256 string
}
