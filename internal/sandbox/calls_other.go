//go:build !amd64 && !arm64

package sandbox

const (
	architecture = 0 // no filter
	sysStatAt    = 0
)

var alsoWriting, alsoNever []uintptr
