package doc

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"testing"
)

// chunkOf returns a chunk of a type, whole.
func chunkOf(kind byte, body string) []byte {
	rest := append(binary.AppendUvarint([]byte{kind}, uint64(len(body))), body...)
	sum := sha256.Sum256(rest)
	return append(append(append([]byte{}, magic...), sum[:4]...), rest...)
}

func TestFilesOfALaterAutomergeAreTold(t *testing.T) {
	good := sealed(nothing)
	broken := chunkOf(7, "what is to come")
	broken[len(broken)-1] ^= 1
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"a bundle":             {chunkOf(3, "some changes"), "it was made by a later Automerge: it has a chunk of type 3, and this program's knows those up to 2"},
		"a type to come":       {chunkOf(7, "what is to come"), "it was made by a later Automerge: it has a chunk of type 7, and this program's knows those up to 2"},
		"one behind a change":  {append(good[:len(good):len(good)], chunkOf(9, "")...), "it was made by a later Automerge: it has a chunk of type 9, and this program's knows those up to 2"},
		"one that is damaged":  {broken, ""},
		"one that is cut":      {chunkOf(7, "what is to come")[:15], ""},
		"a change":             {good, ""},
		"a cut change":         {good[:len(good)-1], ""},
		"nothing":              {nil, ""},
		"no Automerge data":    {[]byte("no Automerge data"), ""},
		"junk behind a change": {append(good[:len(good):len(good)], "junk"...), ""},
		"a length without end": {append(append([]byte{}, chunkOf(7, "")[:9]...), 0xff, 0xff), ""},
	} {
		got := ""
		if err := laterAutomerge(c.file); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	_, err := Engine{}.Split(t.Context(), chunkOf(3, "some changes"), 0)
	var later *LaterError
	if available && !errors.As(err, &later) {
		t.Errorf("split: got %v, want that a later Automerge made it", err)
	}
	_, err = ReadChange(chunkOf(7, "what is to come"))
	if want := "it is a chunk of type 7, which a later Automerge writes"; err == nil || err.Error() != want {
		t.Errorf("as an op: got %v, want %s", err, want)
	}
}
