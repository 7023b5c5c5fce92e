package redact

// Digits of a card number.
const (
	minDigits = 13
	maxDigits = 19
)

// scanner finds card numbers in content that comes in pieces. A number may begin in
// one piece and end in another: digits are held back until it is known what they
// are. It is part of the place to go on from, with what it holds back.
type scanner struct {
	// Run is how many digits there were in a row until now.
	Run int64
	// Held is those of them that were not handed out; none when there were more
	// than a card has.
	Held string
	// Cards is how many numbers were found.
	Cards int64
}

// valid reports whether a scanner can be like this after so many bytes of a file.
func (s *scanner) valid(read int64) bool {
	for i := range len(s.Held) {
		if s.Held[i] < '0' || s.Held[i] > '9' {
			return false
		}
	}
	held := int64(len(s.Held))
	return s.Cards >= 0 && s.Run <= read && (s.Run == held && held <= maxDigits || s.Run > maxDigits && held == 0)
}

// feed takes the next bytes and returns what is ready of them and of what came
// before. It keeps the last digits of a card readable.
func (s *scanner) feed(p []byte, keep int) []byte {
	out := make([]byte, 0, len(s.Held)+len(p))
	held := append(make([]byte, 0, maxDigits+1), s.Held...)
	for _, c := range p {
		if c < '0' || c > '9' {
			out = append(append(out, s.hide(held, keep)...), c)
			held, s.Run = held[:0], 0
			continue
		}
		if s.Run++; s.Run > maxDigits { // no card is that long
			out = append(append(out, held...), c)
			held = held[:0]
			continue
		}
		held = append(held, c)
	}
	s.Held = string(held)
	return out
}

// end returns what was held back at the end of a file.
func (s *scanner) end(keep int) []byte {
	out := s.hide([]byte(s.Held), keep)
	s.Held, s.Run = "", 0
	return out
}

// hide changes digits in place if they are a card number.
func (s *scanner) hide(digits []byte, keep int) []byte {
	if len(digits) < minDigits || !checks(digits) {
		return digits
	}
	s.Cards++
	for i := range len(digits) - keep {
		digits[i] = '*'
	}
	return digits
}

// checks reports whether the last digit is the right one for those before it, by
// the formula of Luhn.
func checks(digits []byte) bool {
	sum := 0
	for i := range digits {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			d *= 2
		}
		sum += d/10 + d%10
	}
	return sum%10 == 0
}
