package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"waxseal"
)

// maxBlob bounds what a stored blob may unfold to: a hostile one must not eat
// the memory.
const maxBlob = 256 << 20

func (s *Store) openCodec() error {
	var err error
	if s.zip, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true)); err != nil {
		return err
	}
	s.unzip, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxBlob))
	return err
}

func (s *Store) closeCodec() {
	if s.zip != nil {
		_ = s.zip.Close() // nothing is buffered: only EncodeAll is used
	}
	if s.unzip != nil {
		s.unzip.Close()
	}
}

// digestOf names content by its SHA-256.
func digestOf(content []byte) waxseal.Digest {
	sum := sha256.Sum256(content)
	return waxseal.Digest(hex.EncodeToString(sum[:]))
}

// PutBlob keeps content under its SHA-256; content that is there already costs
// nothing. Blobs are never removed.
func (t *Tx) PutBlob(content []byte) (waxseal.Digest, error) {
	if len(content) > maxBlob {
		return "", t.fail(fmt.Errorf("blob of %d bytes is larger than the limit of %d", len(content), maxBlob))
	}
	d := digestOf(content)
	if _, ok := t.blobs[d]; ok {
		return d, nil
	}
	known, err := one[int64](t.tx, `SELECT count(*) FROM blob WHERE digest = ?`, d)
	if err != nil {
		return "", t.fail(fmt.Errorf("blob %s: %w", d, err))
	}
	if known == 0 {
		_, err = t.tx.Exec(`INSERT INTO blob (digest, data) VALUES (?, ?)`, d, t.s.zip.EncodeAll(content, nil))
		if err != nil {
			return "", t.fail(fmt.Errorf("blob %s: %w", d, err))
		}
	}
	t.blobs[d] = struct{}{}
	return d, nil
}

// Blob returns the content with this SHA-256, checked against it; ErrNone where
// it was not kept.
func (s *Store) Blob(d waxseal.Digest) ([]byte, error) {
	data, err := one[[]byte](s.read, `SELECT data FROM blob WHERE digest = ?`, d)
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", d, s.explain(err))
	}
	content, err := s.unzip.DecodeAll(data, nil)
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w: %s: %w", d, ErrCorrupt, s.file(), err)
	}
	if digestOf(content) != d {
		return nil, fmt.Errorf("blob %s: %w: %s: content does not match its digest", d, ErrCorrupt, s.file())
	}
	return content, nil
}
