package bolt

import "github.com/baton-relay/baton/oplog"

// What is damaged counts nothing here: whoever reads it hears of it, and the rest
// of the document stays usable.

// blockBytes returns the bytes of a block at an offset. They are counted if
// version 1 wrote it, which takes reading all entries that are held before it.
func (v *view) blockBytes(b *block, at oplog.Offset) int64 {
	base := v.first - 1
	switch {
	case b.bytes != uncounted:
		return b.bytes
	case at == base:
		return 0 // counting starts here
	}
	start, _ := v.pruned()
	return start + v.content(base, at)
}

// pruned returns the bytes up to the offset before the first.
func (v *view) pruned() (bytes int64, ok bool) {
	b, at, _, err := v.lastBlock(v.first - 1)
	if err != nil {
		return 0, false
	}
	return v.blockBytes(&b, at), true
}

// content returns the content of the entries behind after up to upTo.
func (v *view) content(after, upTo oplog.Offset) (bytes int64) {
	c := v.tx.Bucket(bucketOps).Cursor()
	seek := offsetKey(v.num, after+1)
	var e oplog.Entry
	for k, sealed := c.Seek(seek[:]); ; k, sealed = c.Next() {
		if at, ok := parseOffsetKey(k, v.num); !ok || at > upTo {
			return bytes
		}
		body, err := oplog.Unseal(k, sealed)
		if err == nil && oplog.ParseEntry(body, &e) == nil {
			bytes += e.Bytes()
		}
	}
}
