package stage

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// BytesSchema and DurationSchema are the JSON Schemas of [Bytes] and
// [Duration], without a description.
const (
	BytesSchema    = `"type":["integer","string"],"minimum":0,"pattern":"^[0-9]+ ?(k|M|G|T|Ki|Mi|Gi|Ti)?B?$"`
	DurationSchema = `"type":"string","pattern":"^([0-9]+(\\.[0-9]+)?(ms|s|m|h))+$"`
)

// Bytes is a size in a configuration: a whole number of bytes, or a string
// with a unit, such as "64MiB" or "10 GB".
type Bytes int64

// UnmarshalJSON reads a number or a string.
func (b *Bytes) UnmarshalJSON(data []byte) error {
	text := string(data)
	if strings.HasPrefix(text, `"`) {
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
	}
	n, err := ParseBytes(text)
	*b = Bytes(n)
	return err
}

// ParseBytes reads a size such as "1048576", "64MiB", "10 GB" or "3k". The
// units k, M, G and T stand for powers of 1000 and Ki, Mi, Gi and Ti for
// powers of 1024.
func ParseBytes(text string) (int64, error) {
	digits := strings.TrimRight(text, "kKMGTiB")
	unit := strings.TrimSuffix(text[len(digits):], "B")
	n, err := strconv.ParseUint(strings.TrimSuffix(digits, " "), 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%.40q is not a size", text)
	}
	factor, ok := factors[unit]
	if !ok {
		return 0, fmt.Errorf("%.40q is not a size: the units are kB, MB, GB, TB, KiB, MiB, GiB, TiB", text)
	}
	if n > math.MaxInt64/factor {
		return 0, fmt.Errorf("%.40q is too large", text)
	}
	return int64(n * factor), nil
}

var factors = map[string]uint64{
	"": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
	"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40,
}

// Duration is a length of time in a configuration: a string such as "90s" or
// "1h30m". It is never negative.
type Duration time.Duration

// UnmarshalJSON reads a string.
func (d *Duration) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("%.40s is not a duration: write it like \"90s\"", data)
	}
	v, err := time.ParseDuration(text)
	if err != nil || v < 0 {
		return fmt.Errorf("%.40q is not a duration: write it like \"90s\"", text)
	}
	*d = Duration(v)
	return nil
}
