package corpus

// stories are the kinds of word problems of a level, each as likely as the next.
var stories = map[int][]story{5: twoStep, 6: threeStep, 8: fourStep}

var twoStep = []story{{
	name: "gain gain", most: []int{30, 9, 9}, plan: []string{"a+b", "1+c"},
	leads: []string{"First that makes {} {o}.", "In the end {A} has {} {o}."},
	texts: []string{
		"{A} has {a} {o}. {B} gives {A} {b} more, and then {A} buys {c} more. | How many {o} does {A} have now?",
		"{A} finds {a} {o} on Monday, {b} on Tuesday and {c} on Wednesday. | How many {o} does {A} find in all?",
		"{A} puts {a} {o} on a table. Then {A} adds {b} {o}, and later {c} more. | How many {o} are on the table?",
	},
}, {
	name: "gain lose", most: []int{30, 9, 9}, plan: []string{"a+b", "1-c"},
	leads: []string{"Together that is {} {o}.", "After that {} {o} are left."},
	texts: []string{
		"{A} has {a} {o} and gets {b} more from {B}. Then {A} loses {c} of them. | How many {o} are left?",
		"{A} collects {a} {o} in the morning and {b} in the evening. {A} gives {c} of them to {B}. | How many {o} does {A} keep?",
		"There are {a} {o} in a {k}. {A} puts in {b} more and {B} takes out {c}. | How many {o} are in the {k} now?",
	},
}, {
	name: "groups plus", most: []int{9, 9, 9}, plan: []string{"a*b", "1+c"},
	leads: []string{"The {K} hold {} {o}.", "With the others that is {} {o}."},
	texts: []string{
		"{A} has {a} {K} with {b} {o} each. {A} has {c} more {o} on a shelf. | How many {o} does {A} have?",
		"There are {b} {o} in each of {a} {K}. {B} brings {c} more {o}. | How many {o} are there now?",
		"{A} fills {a} {K} with {b} {o} each and has {c} {o} to spare. | How many {o} did {A} start with?",
	},
}, {
	name: "groups minus", most: []int{9, 9, 9}, plan: []string{"a*b", "1-c"},
	leads: []string{"The {K} hold {} {o}.", "Then {} {o} are left."},
	texts: []string{
		"{A} has {a} {K} with {b} {o} each. {A} gives {c} {o} to {B}. | How many {o} does {A} have left?",
		"There are {a} {K}. Each {k} holds {b} {o}. {A} takes {c} of the {o}. | How many {o} remain?",
		"{A} packs {b} {o} into each of {a} {K}. Later {B} uses {c} of them. | How many {o} are left?",
	},
}, {
	name: "share", most: []int{40, 9, 9}, plan: []string{"a+b", "1/c"},
	leads: []string{"Together there are {} {o}.", "Each one gets {} {o}."},
	texts: []string{
		"{A} has {a} {o} and {B} has {b}. They share all of them equally among {c} friends. | How many {o} does each friend get?",
		"{A} picks {a} {o} and then {b} more. All of them go into {c} {K} of the same size. | How many {o} are in each {k}?",
		"{A} brings {a} {o} and {B} brings {b}. They make {c} equal piles. | How many {o} are in each pile?",
	},
}, {
	name: "times total", most: []int{9, 9}, plan: []string{"a*b", "1+a"},
	leads: []string{"{B} has {} {o}.", "Together they have {} {o}."},
	texts: []string{
		"{A} has {a} {o}. {B} has {b} times as many. | How many {o} do they have together?",
		"{B} has {b} times as many {o} as {A}, and {A} has {a}. | How many {o} do both have?",
		"{A} owns {a} {o} and {B} owns {b} times that number. | How many {o} do they own in all?",
	},
}, {
	name: "more total", most: []int{40, 9}, plan: []string{"a+b", "1+a"},
	leads: []string{"{B} has {} {o}.", "Together they have {} {o}."},
	texts: []string{
		"{A} has {a} {o}. {B} has {b} more than {A}. | How many {o} do they have together?",
		"{B} has {b} more {o} than {A}, and {A} has {a}. | How many {o} do both have?",
		"{A} owns {a} {o} and {B} owns {b} more than that. | How many {o} do they own in all?",
	},
}, {
	name: "change", most: []int{9, 9, 99}, plan: []string{"a*b", "c-1"},
	leads: []string{"The {o} cost {} dollars.", "What comes back is {} dollars."},
	texts: []string{
		"{A} buys {a} {o} at {b} dollars each and pays with {c} dollars. | How many dollars does {A} get back?",
		"Each of {a} {o} costs {b} dollars. {A} has {c} dollars and buys them all. | How many dollars does {A} have left?",
		"{A} starts with {c} dollars and buys {a} {o} for {b} dollars each. | How many dollars are left?",
	},
}}

var threeStep = []story{{
	name: "two groups", most: []int{9, 9, 9, 9}, plan: []string{"a*b", "c*d", "1+2"},
	leads: []string{"{A} has {} {o}.", "{B} has {} {o}.", "Together they have {} {o}."},
	texts: []string{
		"{A} has {a} {K} with {b} {o} each. {B} has {c} {K} with {d} {o} each. | How many {o} do they have together?",
		"{A} fills {a} {K} and puts {b} {o} into each. {B} fills {c} {K} and puts {d} {o} into each. | How many {o} are there in all?",
		"There are {b} {o} in each of the {a} {K} of {A} and {d} in each of the {c} {K} of {B}. | How many {o} do both have?",
	},
}, {
	name: "two groups apart", most: []int{9, 9, 9, 9}, plan: []string{"a*b", "c*d", "1-2"},
	leads: []string{"{A} has {} {o}.", "{B} has {} {o}.", "The difference is {} {o}."},
	texts: []string{
		"{A} packs {a} {K} of {b} {o}, and {B} packs {c} {K} of {d} {o}. | How many more {o} does {A} have than {B}?",
		"The {a} {K} of {A} hold {b} {o} each, and the {c} {K} of {B} hold {d} each. | How many fewer {o} does {B} have?",
	},
}, {
	name: "groups minus share", most: []int{9, 9, 9, 9}, plan: []string{"a*b", "1-c", "2/d"},
	leads: []string{"The {K} hold {} {o}.", "Then {} {o} are left.", "Each friend gets {} {o}."},
	texts: []string{
		"{A} has {a} {K} with {b} {o} each. {A} keeps {c} {o} and shares the rest equally among {d} friends. | How many {o} does each friend get?",
		"There are {a} {K} of {b} {o}. {c} of the {o} are lost, and {d} friends share the others equally. | How many {o} does each friend get?",
	},
}, {
	name: "groups plus minus", most: []int{9, 9, 9, 9}, plan: []string{"a*b", "1+c", "2-d"},
	leads: []string{"The {K} hold {} {o}.", "With the new ones there are {} {o}.", "In the end {} {o} are left."},
	texts: []string{
		"{A} has {a} {K} with {b} {o} each. {B} brings {c} more {o}, and then {A} uses {d}. | How many {o} are left?",
		"Each of {a} {K} holds {b} {o}. {A} buys {c} more {o} and gives {d} to {B}. | How many {o} does {A} have now?",
	},
}, {
	name: "times total minus", most: []int{9, 9, 9}, plan: []string{"a*b", "1+a", "2-c"},
	leads: []string{"{B} has {} {o}.", "Together they have {} {o}.", "Then {} {o} are left."},
	texts: []string{
		"{A} has {a} {o} and {B} has {b} times as many. Together they give away {c} {o}. | How many {o} are left?",
		"{B} has {b} times as many {o} as {A}, who has {a}. They lose {c} of them. | How many {o} do they have left together?",
	},
}, {
	name: "more total share", most: []int{20, 9, 9}, plan: []string{"a+b", "1+a", "2/c"},
	leads: []string{"{B} has {} {o}.", "Together they have {} {o}.", "Each {k} gets {} {o}."},
	texts: []string{
		"{A} has {a} {o}. {B} has {b} more than {A}. They put all of them into {c} {K}, the same number in each. | How many {o} are in each {k}?",
		"{B} has {b} more {o} than {A}, who has {a}. They pack all the {o} into {c} equal {K}. | How many {o} does each {k} hold?",
	},
}, {
	name: "earn spend", most: []int{9, 9, 9, 9}, plan: []string{"a*b", "c*d", "1-2"},
	leads: []string{"{A} earns {} dollars.", "The {o} cost {} dollars.", "That leaves {} dollars."},
	texts: []string{
		"{A} works {a} days and earns {b} dollars each day. Then {A} buys {c} {o} at {d} dollars each. | How many dollars are left?",
		"{A} earns {b} dollars a day for {a} days and spends some on {c} {o} that cost {d} dollars each. | How many dollars does {A} keep?",
	},
}}

var fourStep = []story{{
	name: "two groups minus", most: []int{9, 9, 9, 9, 9}, plan: []string{"a*b", "c*d", "1+2", "3-e"},
	leads: []string{"{A} has {} {o}.", "{B} has {} {o}.", "Together they have {} {o}.", "In the end {} {o} are left."},
	texts: []string{
		"{A} has {a} {K} with {b} {o} each. {B} has {c} {K} with {d} {o} each. Together they use {e} {o}. | How many {o} are left?",
		"{A} fills {a} {K} with {b} {o} each and {B} fills {c} {K} with {d} {o} each. They sell {e} of all the {o}. | How many {o} do they still have?",
	},
}, {
	name: "two groups share", most: []int{9, 9, 9, 9, 9}, plan: []string{"a*b", "c*d", "1+2", "3/e"},
	leads: []string{"{A} has {} {o}.", "{B} has {} {o}.", "Together they have {} {o}.", "Each friend gets {} {o}."},
	texts: []string{
		"{A} has {a} {K} with {b} {o} each. {B} has {c} {K} with {d} {o} each. They share all of them equally among {e} friends. | How many {o} does each friend get?",
		"{A} brings {a} {K} of {b} {o} and {B} brings {c} {K} of {d} {o}. All the {o} are shared equally by {e} friends. | How many {o} does each friend get?",
	},
}, {
	name: "minus share plus", most: []int{9, 9, 9, 9, 9}, plan: []string{"a*b", "1-c", "2/d", "3+e"},
	leads: []string{"The {K} hold {} {o}.", "Then {} {o} are left.", "Each friend gets {} {o}.", "Now {B} has {} {o}."},
	texts: []string{
		"{A} has {a} {K} with {b} {o} each. {A} keeps {c} {o} and shares the rest equally among {d} friends. {B} is one of them and already had {e} {o}. | How many {o} does {B} have now?",
		"{A} opens {a} {K} of {b} {o}. {c} of the {o} are broken, and {d} friends share the others equally. {B}, one of the friends, finds {e} more. | How many {o} does {B} have?",
	},
}, {
	name: "times plus minus", most: []int{9, 9, 9, 9}, plan: []string{"a*b", "1+a", "2+c", "3-d"},
	leads: []string{"{B} has {} {o}.", "Together they have {} {o}.", "With the new ones there are {} {o}.", "In the end {} {o} are left."},
	texts: []string{
		"{A} has {a} {o} and {B} has {b} times as many. They buy {c} more and then give away {d}. | How many {o} are left?",
		"{B} has {b} times as many {o} as {A}, who has {a}. They put them together, add {c} and take out {d}. | How many {o} remain?",
	},
}}
