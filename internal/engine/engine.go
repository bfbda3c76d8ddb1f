// Package engine tells by which name people know a container of this host: the number that
// the kernel's control groups have for it is another one each time that it is made anew,
// and its name and image stay.
//
// It reads what the engines themselves write down, below the host's /var/lib and /var/log:
//
//	/var/lib/docker/containers/ID/config.v2.json              Name, Config.Image, Config.Labels
//	/var/lib/containers/storage/overlay-containers/containers.json   id, names, metadata (Podman, CRI-O)
//	/var/log/containers/POD_NAMESPACE_CONTAINER-ID.log        Kubernetes
//
// Docker's data-root may be set in /etc/docker/daemon.json. What a user runs without root
// lies in that user's home, and is not believed: everybody could claim a name there.
package engine

import (
	"encoding/json"
	"path"
	"strings"

	"waxseal"
)

// Container is what an engine calls one.
type Container struct {
	Name  string // "docker mail", "kubernetes mail/postfix-0/postfix"
	Image string // "debian:bookworm"; "" where that is not written down
}

const (
	maxFile = 8 << 20
	// minID is how much of an ID must be known: engines show that much of it.
	minID = 12
	// maxName bounds what is shown.
	maxName = 200
)

// Find finds a container by the engine and the beginning of its ID, as in "docker
// 3f5a9c0e1b2d".
func Find(tree waxseal.Tree, known string) (Container, bool) {
	kind, id, ok := strings.Cut(known, " ")
	if !ok || len(id) < minID || strings.Trim(id, "0123456789abcdef") != "" {
		return Container{}, false
	}
	var c Container
	switch kind {
	case "docker":
		c = docker(tree, id)
	case "podman":
		c = podman(tree, id)
	case "kubernetes":
		c.Name = pod(tree, id)
	}
	if c.Name == "" || len(c.Name) > maxName || strings.ContainsAny(c.Name, " :\n\x00") {
		return Container{}, false
	}
	c.Name = kind + " " + c.Name
	return c, true
}

// dockerConfig is what is read of config.v2.json (container.Container in moby).
type dockerConfig struct {
	ID     string
	Name   string
	Config struct {
		Image  string
		Labels map[string]string
	}
}

// docker asks Docker's own directory.
func docker(tree waxseal.Tree, id string) (c Container) {
	dir := path.Join(dataRoot(tree), "containers")
	full := longest(tree, dir, id)
	var d dockerConfig
	if full == "" || !read(tree, path.Join(dir, full, "config.v2.json"), &d) || d.ID != full {
		return c
	}
	c.Name, c.Image = strings.TrimPrefix(d.Name, "/"), d.Config.Image
	// A task of a swarm is SERVICE.SLOT.TASK, of which the last part is new each time.
	if task := d.Config.Labels["com.docker.swarm.task.id"]; task != "" {
		c.Name = strings.TrimSuffix(c.Name, "."+task)
	}
	return c
}

// dataRoot is where Docker keeps its containers (dockerd(8), --data-root).
func dataRoot(tree waxseal.Tree) string {
	var set struct {
		Root string `json:"data-root"`
	}
	if read(tree, "/etc/docker/daemon.json", &set) && path.IsAbs(set.Root) {
		return set.Root
	}
	return "/var/lib/docker"
}

// longest is the one entry of a directory that begins with an ID.
func longest(tree waxseal.Tree, dir, id string) (found string) {
	names, err := tree.ReadDir(waxseal.Path(dir))
	if err != nil {
		return ""
	}
	for _, n := range names {
		if strings.HasPrefix(n, id) {
			if found != "" {
				return "" // one of two
			}
			found = n
		}
	}
	return found
}

// podman asks the store that Podman and CRI-O share (containers-storage).
func podman(tree waxseal.Tree, id string) (c Container) {
	var list []struct {
		ID, Metadata string
		Names        []string
	}
	for _, name := range []string{
		"/var/lib/containers/storage/overlay-containers/containers.json", "/var/lib/containers/storage/overlay-containers/volatile-containers.json",
		"/run/containers/storage/overlay-containers/volatile-containers.json", "/var/lib/containers/storage/vfs-containers/containers.json",
	} {
		list = nil
		read(tree, name, &list)
		for _, x := range list {
			if !strings.HasPrefix(x.ID, id) || len(x.Names) == 0 {
				continue
			}
			var m struct {
				Image string `json:"image-name"`
			}
			_ = json.Unmarshal([]byte(x.Metadata), &m) // the image is an addition
			return Container{x.Names[0], m.Image}
		}
	}
	return c
}

// pod goes by the logs of a node: POD_NAMESPACE_CONTAINER-ID.log.
func pod(tree waxseal.Tree, id string) string {
	names, err := tree.ReadDir("/var/log/containers")
	if err != nil {
		return ""
	}
	for _, n := range names {
		name, ok := strings.CutSuffix(n, ".log")
		i := strings.LastIndexByte(name, '-')
		if !ok || i < 0 || !strings.HasPrefix(name[i+1:], id) {
			continue
		}
		if f := strings.Split(name[:i], "_"); len(f) == 3 {
			return f[1] + "/" + f[0] + "/" + f[2]
		}
	}
	return ""
}

func read(tree waxseal.Tree, name string, into any) bool {
	text, err := tree.ReadFile(waxseal.Path(name), maxFile)
	return err == nil && json.Unmarshal(text, into) == nil
}
