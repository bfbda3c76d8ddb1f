package milterconf

import (
	"path"

	"waxseal"
)

// absolute is a name as a daemon finds it that was started in the root directory.
func absolute(name string) waxseal.Path { return waxseal.Path(path.Clean("/" + name)) }
