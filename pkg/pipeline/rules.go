package pipeline

// The rules, by what they are about. Numbers leave room for more of a kind.
const (
	ruleTooLarge    = "MR1001"
	ruleNotText     = "MR1002"
	ruleSyntax      = "MR1003"
	ruleTab         = "MR1004"
	ruleDocuments   = "MR1005"
	ruleAlias       = "MR1006"
	ruleMerge       = "MR1007"
	ruleTag         = "MR1008"
	ruleDepth       = "MR1009"
	ruleRepeatedKey = "MR1010"
	ruleKey         = "MR1011"
	ruleNumber      = "MR1012"
	ruleEmpty       = "MR1013"

	ruleUnknownField = "MR1020"
	ruleType         = "MR1021"
	ruleMissing      = "MR1022"
	ruleAPIVersion   = "MR1023"
	ruleKind         = "MR1024"
	ruleName         = "MR1025"
	ruleDuration     = "MR1026"
	ruleBounds       = "MR1027"
	ruleRetry        = "MR1028"
	ruleInput        = "MR1029"
	ruleSize         = "MR1030"
	ruleLimits       = "MR1031"
	ruleAttention    = "MR1032"

	ruleRepeatedStep = "MR1040"
	ruleUnknownNeed  = "MR1041"
	ruleRepeatedNeed = "MR1042"
	ruleCycle        = "MR1043"
	ruleFetchNeeds   = "MR1044"
	rulePivot        = "MR1045"

	ruleUses          = "MR1050"
	ruleUnknownStage  = "MR1051"
	ruleUnknownMajor  = "MR1052"
	ruleConfig        = "MR1053"
	ruleNoConfig      = "MR1054"
	ruleStageSchema   = "MR1055"
	ruleKeyExpression = "MR1056"

	ruleExprSyntax   = "MR1060"
	ruleExprName     = "MR1061"
	ruleExprField    = "MR1062"
	ruleExprType     = "MR1063"
	ruleWhenBool     = "MR1064"
	ruleNotUpstream  = "MR1065"
	ruleExprLong     = "MR1066"
	ruleExprCost     = "MR1067"
	ruleNeverTrue    = "MR1068"
	ruleNeverEqual   = "MR1069"
	ruleAlwaysTrue   = "MR1070"
	ruleExprUnclosed = "MR1071"
	ruleWhenBraces   = "MR1072"
	ruleOutputType   = "MR1073"
	ruleMayBeAbsent  = "MR1074"

	ruleParams         = "MR1080"
	ruleParamsOutside  = "MR1081"
	ruleParamsKeyword  = "MR1082"
	ruleParamsDefault  = "MR1083"
	ruleParamsUnknown  = "MR1084"
	ruleParamsTooLarge = "MR1085"
)

// rules is the one table of rules, in the order of their IDs.
var rules = []Rule{
	{ruleTooLarge, "file too large", "A pipeline file has at most 256 KiB and 20,000 words and marks.", false},
	{ruleNotText, "not text", "The file is UTF-8 text without control characters.", false},
	{ruleSyntax, "not YAML", "The file cannot be read as YAML. A value that contains `: ` or ` #`, starts with a special character, or is an expression inside `[ ]` or `{ }` stands in quotes.", false},
	{ruleTab, "tab in the indentation", "YAML is indented with spaces.", false},
	{ruleDocuments, "several documents", "One file holds one pipeline; there is no second `---`.", false},
	{ruleAlias, "anchor or alias", "Anchors and aliases are refused: a few of them can stand for gigabytes. Write the value out.", false},
	{ruleMerge, "merge key", "`<<` is refused, like the aliases it is made for. Write the keys out.", false},
	{ruleTag, "tag or directive", "Tags (`!!str`) and directives (`%YAML`) are refused. Quotes make a value a string.", false},
	{ruleDepth, "nested too deeply", "Values are nested at most 32 deep.", false},
	{ruleRepeatedKey, "repeated key", "A key stands once in its mapping; of two, one would silently be ignored.", false},
	{ruleKey, "key is not a name", "A key is a string on one line. Put numbers, `true` and `null` in quotes when they are meant as keys.", false},
	{ruleNumber, "ambiguous number", "A number is finite and has no leading zero, which some read as octal. Quote it to keep it a string.", false},
	{ruleEmpty, "no pipeline", "The file holds a mapping with apiVersion, kind, metadata and spec.", false},

	{ruleUnknownField, "unknown field", "Unknown fields are refused, because most are misspelt ones.", false},
	{ruleType, "wrong type", "The field takes a value of another type.", false},
	{ruleMissing, "missing field", "The field is required.", false},
	{ruleAPIVersion, "unknown apiVersion", "This build reads `millrace.dev/v1`.", false},
	{ruleKind, "unknown kind", "This build reads `Pipeline`.", false},
	{ruleName, "name not allowed", "Names of pipelines and steps become parts of subjects: 1 to 64 of a-z, 0-9, `_` and `-`.", false},
	{ruleDuration, "bad duration", "A duration is a number with a unit, such as `500ms`, `30s`, `10m`, `2h`, `1d`, or several of them (`1h30m`).", false},
	{ruleBounds, "out of bounds", "The value is too small, too large, too long, or there are too many of them: at most 100 steps, 100 outputs and 1,000 expressions.", false},
	{ruleRetry, "contradictory retry", "The first delay of a retry is not longer than the longest one.", false},
	{ruleInput, "contradictory input", "The smallest number of files is not larger than the largest.", false},
	{ruleSize, "bad size", "A size is a whole number of bytes, or a number with a unit, such as `64MiB` or `1 GB`.", false},
	{ruleLimits, "contradictory limits", "A limit on time that is longer than one around it never counts: `stall` is within `timeout`, `timeout` and `queue` are within `total`, and `total` is within the `deadline` of the job.", false},
	{ruleAttention, "impossible default", "What is done when nobody decides in time is `remind`, `retry`, `skip`, `accept`, `abandon` or `cancel`. A step that is critical is not skipped without a person, and only a step whose stage has an undo has one that can be accepted.", false},

	{ruleRepeatedStep, "repeated step", "Every step has its own id.", false},
	{ruleUnknownNeed, "unknown need", "`needs` names steps of the same pipeline.", false},
	{ruleRepeatedNeed, "repeated need", "A step is needed once; its files would come twice.", false},
	{ruleCycle, "cycle", "Steps that need each other can never start.", false},
	{ruleFetchNeeds, "fetch with needs", "A stage that fetches reads the files of the job, and gets them only in a step that needs no other: `needs: []`.", false},
	{rulePivot, "irreversible too early", "When a critical step fails, what was done is taken back. A step that cannot be taken back therefore comes after every other critical step: it needs them, directly or through others.", false},

	{ruleUses, "malformed uses", "`uses` names a stage and its version: `compress@1`.", false},
	{ruleUnknownStage, "unknown stage", "This build has no such stage. `millrace stage list` shows what there is.", false},
	{ruleUnknownMajor, "unknown version", "This build has the stage, but not in that version.", false},
	{ruleConfig, "bad configuration", "`with` does not match the schema of the stage. Values that are expressions are not looked at. `millrace stage show NAME` prints the schema.", false},
	{ruleNoConfig, "needless configuration", "The stage takes no configuration.", false},
	{ruleStageSchema, "broken stage", "The schema of the stage is not valid; that is a bug of the stage.", false},
	{ruleKeyExpression, "expression in a key", "Expressions stand in values, not in keys.", false},

	{ruleExprSyntax, "expression syntax", "The expression is not CEL.", false},
	{ruleExprName, "unknown name", "An expression reads `job`, `params`, `steps` and `files`, and calls the functions of CEL. There is no clock.", false},
	{ruleExprField, "unknown field in an expression", "The value has no such field.", false},
	{ruleExprType, "type mismatch", "The operator or function does not take values of these types.", false},
	{ruleWhenBool, "when is not a condition", "`when` is true or false.", false},
	{ruleNotUpstream, "step is not upstream", "A step reads only steps that it needs, directly or through others; of any other nobody knows whether it has ended.", false},
	{ruleExprLong, "expression too long", "An expression has at most 4,096 characters and 1,000 parts.", false},
	{ruleExprCost, "expression too costly", "The expression could take too long for the largest values it may meet. Bound the parameters with maxLength and maxItems, or avoid loops within loops.", false},
	{ruleNeverTrue, "step never runs", "No value that the expression can meet makes it true.", false},
	{ruleNeverEqual, "comparison never holds", "The value can never be that, by the schema of the parameters or the states of a step.", false},
	{ruleAlwaysTrue, "condition always holds", "The expression is true whatever it meets; leave it out.", true},
	{ruleExprUnclosed, "empty or unclosed expression", "`${{` begins an expression and `}}` ends it. `$${{` stands for `${{` itself.", false},
	{ruleWhenBraces, "when in braces", "`when` is an expression by itself and stands without `${{ }}`.", false},
	{ruleOutputType, "output is not files", "An output is an expression that gives files, such as `${{ steps.publish.files }}`.", false},
	{ruleMayBeAbsent, "parameter may be absent", "Reading a parameter that is neither required nor has a default fails the step when it is absent. Give it a default, or ask `has(params.x)` first.", true},

	{ruleParams, "invalid parameter schema", "`params` is a JSON Schema (draft 2020-12) of an object.", false},
	{ruleParamsOutside, "reference to the outside", "A schema refers only into itself: `#/$defs/…`. No file and no address is read.", false},
	{ruleParamsKeyword, "keyword not supported", "References that lead back to themselves, and keywords that change what references mean, are not supported in parameters.", false},
	{ruleParamsDefault, "default does not match", "A default obeys the schema it stands in.", false},
	{ruleParamsUnknown, "unknown schema keyword", "JSON Schema ignores keywords it does not know, so a misspelt one checks nothing. Names that start with `x-` are yours.", true},
	{ruleParamsTooLarge, "parameter schema too large", "With its references followed a schema has at most 2,000 parts.", false},
}
