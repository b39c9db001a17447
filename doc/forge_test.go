package doc

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/baton-relay/baton/oplog"
)

// op0 is an op with nothing in it.
var op0 oplog.Entry

// seeded returns a source of randomness whose seed is printed; BATON_SEED gives it.
func seeded(t testing.TB) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("BATON_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("BATON_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// sealed returns a plain change of a body, with its right checksum.
func sealed(body []byte) []byte { return sealedAs(plainChange, body) }

// sealedAs returns a chunk of a kind, with its right checksum.
func sealedAs(kind byte, body []byte) []byte {
	chunk := binary.AppendUvarint([]byte{kind}, uint64(len(body)))
	chunk = append(chunk, body...)
	sum := sha256.Sum256(chunk)
	return slices.Concat(magic, sum[:4], chunk)
}

// bodyOf returns the body of a plain change, and where in it the columns begin.
func bodyOf(t testing.TB, raw []byte) (body []byte, columns int) {
	t.Helper()
	r := reader{rest: raw[9:]}
	body = slices.Clone(r.take(r.uleb()))
	h := reader{rest: body}
	for n := h.uleb(); n > 0; n-- {
		h.hash()
	}
	h.take(h.uleb())
	h.uleb()
	h.uleb()
	h.sleb()
	h.take(h.uleb())
	if r.err != nil || h.err != nil {
		t.Fatal(r.err, h.err)
	}
	return body, len(body) - len(h.rest)
}

// withPayload returns an op that carries other bytes.
func withPayload(e oplog.Entry, raw []byte) oplog.Entry {
	e.Payload, _ = json.Marshal(base64.StdEncoding.EncodeToString(raw))
	return e
}

// bomb returns a change of some 70 bytes that sets a key n times.
func bomb(n int64) []byte {
	runs := sleb(n)
	columns := []struct {
		spec byte
		data []byte
	}{
		{0x15, append(slices.Clone(runs), 1, 'k')},         // keys
		{0x34, binary.AppendUvarint(nil, uint64(n))},       // inserts: so many that are none
		{columnActions, append(slices.Clone(runs), 1)},     // set
		{0x56, append(slices.Clone(runs), 0)},              // null
		{columnOverwritten, append(slices.Clone(runs), 0)}, // how many each overwrites
	}
	body := slices.Concat([]byte{0, 16}, make([]byte, 16), []byte{1, 1, 0, 0, 0, byte(len(columns))})
	for _, c := range columns {
		body = append(body, c.spec, byte(len(c.data)))
	}
	for _, c := range columns {
		body = append(body, c.data...)
	}
	return sealed(body)
}

func sleb(n int64) (b []byte) {
	for n > 0x3f {
		b = append(b, byte(n)|0x80)
		n >>= 7
	}
	return append(b, byte(n))
}
