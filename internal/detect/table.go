package detect

import (
	"fmt"

	"waxseal"
)

// sign is one fact about a hook, a file or a change that tells what
// administrators do from what intruders do. It never is the mere type of a hook.
type sign int

// row is what a sign means.
type row struct {
	// severity is that of an unexplained change which shows the sign.
	severity waxseal.Severity
	// worse turns a change that is high for whatever reason into a critical one.
	worse bool
	// reason is what the answer says; the verbs are the sign's own facts.
	reason string
}

// The signs, by what they look at.
const (
	// Nothing to tell.
	noEffect sign = iota
	unreached
	samePlace
	wasBefore

	// The destination of mail.
	ownUser
	ownCopy
	foreignAddress
	unknownAddress
	localHop
	oddLocalHop
	privateHop
	namedHop
	foreignHop
	publicHop
	replacedHop
	oddMailPort
	remoteSeesAll
	systemMailbox
	ownHome
	sorted
	hidesAll
	strangeFile
	addressList
	rulesFrom
	computedAddress

	// Who answers at a socket.
	documentedSocket
	declaredSocket
	strangerDeclared
	strangeSocket
	remoteSocket
	hiddenSocket
	filterListens
	packageListens
	strangerListens
	toolListens
	failsOpen
	nowFailsOpen

	// The verb of an action.
	allPass
	somePass
	infectedPasses
	signsForAnyone
	signsForOthers
	dropped
	droppedSome
	answered
	namedInScript
	mastersRead
	othersChange
	othersUse
	droppedUnread
	droppedMarked
	droppedBulk
	hidesAbout
	sentBack
	notices
	diverted
	rewritten
	rewrittenForeign
	answersForeign
	smtpRewritten
	hidesMail
	answersHidden
	outcomeChanged
	textReplaced
	listsAct
	held
	heldFrom
	passedBy
	uncheckedOthers
	uncheckedAll
	openToOthers
	socketOfAnyone
	socketOfHosts
	rightsSet
	rightsOfRoot
	othersBelieved
	anyoneBelieved
	sendsAsAnybody
	openRelay
	anyPassword
	somePassword

	// Who may work on the mail system as root, and who is told of its log.
	serviceAsRoot
	serviceCommand
	anyoneAsRoot
	personSteers
	personAsRoot
	logSentAway
	logSentTo
	bansTold

	// What daemons have in their memory.
	loadedMemory
	loadedStranger
	loadedOther
	loadedGone
	loadedOld

	// What daemons hold open.
	openMemory
	openHidden
	openWritten
	openGone
	openLater
	openEarlier

	// The program: who owns it, where it lies, as whom it runs.
	generalTool
	textTool
	deliveryProgram
	packagedProgram
	instanceManager
	strangeProgram
	rootCommand
	badPlace
	anyoneWrites
	unsafeAbove
	othersAbove
	nowUnsafeAbove
	notAsPackaged
	packagedCode
	stockModule
	strangeCode
	loaderTrick
	preloaded
	librariesFirst
	librariesAlso
	mountedOver
	jobTool
	jobStrange
	jobPackaged
	jobPlain
	unitSeesOther
	unitAsOther
	unitAsRoot
	environmentSet
	otherConfiguration
	configurationOfOthers

	// Services, tables, logs.
	handedToService
	localTable
	remoteTable
	blindTable
	generatedDrift
	logName
	logThrownAway
	unreadable

	// What happened to a hook.
	dependsOnOther
	modifierChanged
	codeChanged
	entriesChanged
	checkGone
	movedAway
	answererGone
	answeredByOther
	copyGone
	relayGone
	hookGone
	settingChanged
	portBypassed

	// What happened to a file.
	importantGone
	thingGone
	fileGone
	namedProgramCame
	secretChanged
	tooOdd
	packagedUpdate
	filterConfigured
	moduleCame
	sealedProgramChanged
	runsAsRootBy
	scriptForBinary
	recompiled
	recompiledBlind
	mapDrift
	entryDrift
	entryLater
	entryMaybeLater
	leadsElsewhere
	harmlessMetadata
	writableNow
	becameSetuid
	isSetuid
	groupWritable
	modeChanged
	givenAway
	ownerChanged
	hardLinked
	attributeChanged
	timeSetBack
	digestsForged
	packageChanged
	packageCame
	packageWent
	filesWithIt
	more
)

// signs is the whole table of judgement: docs/severity.md explains it, and every
// mail system is judged by it. A change has the severity of its weightiest sign;
// where one of them is "worse", what is high becomes critical.
var signs = [...]row{
	noEffect:  {waxseal.None, false, "no hook and no effective setting is different: %s"},
	unreached: {waxseal.Info, false, "nothing leads mail to it yet: %s %s"},
	samePlace: {waxseal.Low, false, "the same target as before, at another place in the order: %s"},
	wasBefore: {waxseal.None, false, "it was %s before"},

	ownUser:        {waxseal.Low, false, "mail of the own domains goes to an own user: %s"},
	ownCopy:        {waxseal.Medium, false, "mail is copied or diverted to %s in the own domains"},
	unknownAddress: {waxseal.High, false, "mail goes to an address, and nothing here says which domains are own: %s"},
	foreignAddress: {waxseal.High, false, "mail goes to an address outside the own domains: %s"},
	localHop:       {waxseal.Medium, false, "mail is handed on to %s on this host"},
	oddLocalHop:    {waxseal.High, false, "mail is handed to %s on this host, which is no documented port of a packaged mail filter"},
	privateHop:     {waxseal.Medium, false, "mail is sent on to %s (%s)"},
	namedHop:       {waxseal.Medium, false, "mail is sent on to the named host %s"},
	foreignHop:     {waxseal.High, false, "mail is diverted to %s (%s)"},
	publicHop:      {waxseal.High, false, "mail is sent on to a literal public address: %s"},
	replacedHop:    {waxseal.High, false, "a working next hop was replaced: %s instead of %s"},
	oddMailPort:    {waxseal.High, false, "port %s is not a mail port"},
	remoteSeesAll:  {waxseal.None, true, "a remote endpoint sees all mail of its scope (%s)"},
	systemMailbox:  {waxseal.Medium, false, "mail is written to the file %s"},
	ownHome:        {waxseal.Low, false, "mail is written to a file of the recipient's own: %s"},
	strangeFile:    {waxseal.High, false, "%s is no mailbox of the system"},
	addressList:    {waxseal.Low, false, "a list of addresses is read from %s; what it says is judged entry by entry"},

	rulesFrom:       {waxseal.Low, false, "further rules are read from %s; what they do is judged one by one"},
	computedAddress: {waxseal.Medium, false, "where mail goes is worked out for each message: %s"},

	documentedSocket: {waxseal.Medium, false, "%s is where %s is documented to listen; who really listens there is not checked"},
	declaredSocket:   {waxseal.Medium, false, "%s listens there by %s, and its program is as package %s brought it; who really answers is not checked"},
	strangerDeclared: {waxseal.High, false, "%s listens there by %s, and no package vouches for its program %s"},
	strangeSocket:    {waxseal.High, false, "%s on this host is no documented socket of a packaged mail filter: nothing says what listens there"},
	remoteSocket:     {waxseal.High, false, "mail is handed to another host: %s (%s)"},
	hiddenSocket:     {waxseal.High, true, "the socket %s: %s"},
	filterListens:    {waxseal.Medium, false, "%s answers there: package %s, unmodified by the local package database"},
	packageListens:   {waxseal.Medium, false, "%s answers there, which package %s brought, and which is no mail filter known here"},
	strangerListens:  {waxseal.High, false, "%s answers there, and no package vouches for it"},
	toolListens:      {waxseal.High, false, "a shell or general tool answers there: %s"},
	failsOpen:        {waxseal.None, false, "if it does not answer, mail passes unfiltered, so its absence will not be noticed"},
	nowFailsOpen:     {waxseal.None, false, "if the milter does not answer, mail now passes unfiltered"},

	sorted:           {waxseal.Low, false, "mail is put into a folder of the recipient's own: %s"},
	hidesAll:         {waxseal.High, false, "all mail is put where nobody looks: into %s"},
	answered:         {waxseal.Low, false, "whoever writes gets an automatic answer: %s"},
	namedInScript:    {waxseal.None, false, "the program is named in %s: one that trains a spam filter, as Dovecot's documentation shows, and one that an intruder put there look the same, and differ only in where they came from"},
	mastersRead:      {waxseal.High, false, "whoever it names may read the mail of every user: %s"},
	othersChange:     {waxseal.High, false, "whoever it names may change or delete the mail of every user: %s"},
	othersUse:        {waxseal.Medium, false, "others than the owner may use some folders of every user: %s"},
	dropped:          {waxseal.High, false, "mail is dropped without a word to anyone: %s"},
	droppedSome:      {waxseal.High, false, "mail that a rule picks is dropped without a word to anyone: %s"},
	droppedUnread:    {waxseal.Medium, false, "mail that nobody is meant to read is dropped: %s"},
	droppedMarked:    {waxseal.Low, false, "mail that a filter marked as spam or infected is dropped: %s"},
	droppedBulk:      {waxseal.Medium, false, "mail to many, by its own headers or its author's name, is dropped: %s"},
	hidesAbout:       {waxseal.High, false, "mail about money, access or security is put out of sight, into %s: %s"},
	sentBack:         {waxseal.Medium, false, "mail of %s is sent back with the word that the user moved to %s"},
	notices:          {waxseal.Medium, false, "notices with headers and dialogue are sent for these sorts of event: %s"},
	diverted:         {waxseal.High, false, "mail is diverted, copied or dropped by %s: %s"},
	rewritten:        {waxseal.Medium, false, "messages are rewritten by %s: %s"},
	rewrittenForeign: {waxseal.High, false, "%s: addresses are rewritten to one outside the own domains: %s"},
	answersForeign:   {waxseal.High, false, "%s: messages are rewritten with an address outside the own domains, to which answers may go: %s"},
	smtpRewritten:    {waxseal.High, false, "%s: what is said in SMTP is rewritten before it is acted on: %s"},
	answersHidden:    {waxseal.High, false, "%s: answers of the DNS are hidden that decide where mail goes, whether it is encrypted, or who is believed: %s"},
	outcomeChanged:   {waxseal.High, false, "%s: what became of mail is told as something else: %s"},
	textReplaced:     {waxseal.High, false, "%s: the text of messages is replaced: %s"},
	listsAct:         {waxseal.High, false, "%s: whoever writes to an included list may run commands or write files: %s"},
	held:             {waxseal.Medium, false, "mail is put on hold until somebody looks: %s"},
	heldFrom:         {waxseal.High, false, "mail of certain people or about certain things is kept from its recipients: %s"},
	passedBy:         {waxseal.Medium, false, "mail is no longer checked there: %s %s"},
	uncheckedOthers:  {waxseal.High, false, "mail of others is let through unchecked because of who sends it: %s"},
	uncheckedAll:     {waxseal.High, false, "mail is let through unchecked, whoever sends it: %s"},
	socketOfAnyone:   {waxseal.High, false, "any user of this host may put another socket in the place where a filter listens, and be handed mail: %s"},
	socketOfHosts:    {waxseal.Medium, false, "a filter listens at every address, so that other hosts may hand it mail and be answered: %s"},
	openToOthers:     {waxseal.High, false, "what a filter does can be changed from outside, %s: %s %s"},
	rightsSet:        {waxseal.Medium, false, "%s says with whose rights programs run: %s"},
	rightsOfRoot:     {waxseal.High, false, "%s lets programs run with the rights of root: %s"},
	othersBelieved:   {waxseal.Medium, false, "files are believed that others than their owner may write (%s): %s"},
	anyoneBelieved:   {waxseal.High, false, "files are believed that anyone may write or replace (%s): %s"},
	sendsAsAnybody:   {waxseal.Medium, false, "the user %s may send mail as anybody, and nothing in it tells"},
	allPass:          {waxseal.High, false, "all mail passes by, though the filter is there as before (%s): %s"},
	somePass:         {waxseal.Medium, false, "some mail passes by a filter unchecked (%s): %s"},
	infectedPasses:   {waxseal.High, false, "mail in which a virus was found is delivered (%s): %s"},
	signsForAnyone:   {waxseal.High, false, "mail of strangers is signed as if it came from the own domains (%s): %s"},
	signsForOthers:   {waxseal.High, false, "mail of others is signed anew, as if this host vouched for it, on its way to %s outside the own domains (%s)"},
	openRelay:        {waxseal.High, false, "strangers may send mail anywhere through this host (%s): %s"},
	hidesMail:        {waxseal.High, false, "what happens to mail is hidden: %s %s"},
	anyPassword:      {waxseal.High, false, "%s is let in whatever the password: %s"},
	somePassword:     {waxseal.High, false, "%s is let in without a look at the password, if it is somebody of a certain sort: %s"},
	serviceAsRoot:    {waxseal.High, false, "%s, under which a service works and no person, may run as %s without a password: %s"},
	serviceCommand:   {waxseal.Medium, false, "%s, under which a service works, may run as %s without a password one command, which package %s brought: %s"},
	anyoneAsRoot:     {waxseal.High, false, "everybody on this host may run as %s without a password: %s"},
	personSteers:     {waxseal.Medium, false, "%s may change or steer the mail system as %s without a password: %s"},
	personAsRoot:     {waxseal.Low, false, "%s may do anything as %s without a password, and so with mail"},
	logSentAway:      {waxseal.High, false, "the log of mail is sent to an address outside the own domains: %s"},
	logSentTo:        {waxseal.Medium, false, "the log of mail is sent to %s"},
	bansTold:         {waxseal.Medium, false, "lines of the log of mail are told to %s"},

	loadedMemory:   {waxseal.High, true, "%s runs code that never was a file: %s"},
	loadedStranger: {waxseal.High, false, "%s has code in its memory for which no package vouches: %s"},
	loadedOther:    {waxseal.High, false, "%s runs with another %s than the file that is there now, and no package vouches for either"},
	loadedGone:     {waxseal.High, false, "%s runs with code of a file that is no longer there, so that nothing says what it is: %s"},
	loadedOld:      {waxseal.Info, false, "%s runs with %s as it was before package %s brought another: restart it"},

	openMemory:  {waxseal.High, false, "%s holds a file open that lies in no directory, so that nobody sees what is in it: %s"},
	openHidden:  {waxseal.High, true, "%s writes a file where files are hidden rather than kept, and no configuration says so: mail may be copied there: %s"},
	openWritten: {waxseal.Medium, false, "%s writes a file that neither its configuration nor a package names: %s"},
	openGone:    {waxseal.Medium, false, "%s works with a file that is no longer there, so that nothing says what it is: %s"},
	openLater:   {waxseal.High, false, "%s works with a later %s than the file that is there now: what it works with was put in its place and taken away again"},
	openEarlier: {waxseal.Info, false, "%s works with %s as it was before the file that is there now took its place: reload it"},

	generalTool:           {waxseal.High, false, "a shell or general tool runs with each message: %s"},
	textTool:              {waxseal.Medium, false, "only tools that read, print and answer run with each message: %s"},
	deliveryProgram:       {waxseal.Medium, false, "the delivery program %s runs with each message"},
	packagedProgram:       {waxseal.Medium, false, "%s runs with each message; the local package database knows it as part of %s and unmodified"},
	instanceManager:       {waxseal.Medium, false, "several instances of Postfix are run by its own manager %s"},
	strangeProgram:        {waxseal.High, false, "%s runs with each message, and no package vouches for it"},
	rootCommand:           {waxseal.None, true, "it runs as root"},
	badPlace:              {waxseal.High, true, "%s: %s"},
	anyoneWrites:          {waxseal.High, true, "anyone on this host may write %s (mode %s)"},
	unsafeAbove:           {waxseal.High, false, "%s, above %s, belongs to %s and not to root alone: who can write it can put another file in its place"},
	othersAbove:           {waxseal.None, false, "%s, above %s, belongs to %s: who can write it can put another file in its place"},
	nowUnsafeAbove:        {waxseal.High, false, "others than root can write %s now (%s, mode %s), and with it %s"},
	notAsPackaged:         {waxseal.High, true, "%s is not as package %s brought it"},
	packagedCode:          {waxseal.Medium, false, "%s is loaded or run by the mail system; the local package database knows it as part of %s and unmodified"},
	stockModule:           {waxseal.Medium, false, "%s is loaded by the mail system; its own packages come with a module of this name, and no package database says whether this is it"},
	strangeCode:           {waxseal.High, false, "code that no package vouches for becomes part of the mail system: %s"},
	loaderTrick:           {waxseal.Critical, true, "%s puts code of somebody's choice into every daemon: %s"},
	preloaded:             {waxseal.Critical, true, "%s is loaded into every program of the host, mail daemons and root's commands too"},
	librariesFirst:        {waxseal.High, true, "%s comes before the system's libraries, and has some of the same names"},
	librariesAlso:         {waxseal.Medium, false, "every program of the host looks for its libraries in %s too"},
	jobTool:               {waxseal.High, false, "a shell or general tool runs beside the mail system (%s): %s"},
	jobStrange:            {waxseal.High, false, "%s runs beside the mail system (%s), and no package vouches for it"},
	jobPackaged:           {waxseal.Medium, false, "%s of package %s runs beside the mail system (%s)"},
	jobPlain:              {waxseal.Medium, false, "%s runs beside the mail system (%s), and does no more than make a place ready or start services anew"},
	unitSeesOther:         {waxseal.High, false, "a unit of the mail system sees other files than the host: %s %s"},
	unitAsOther:           {waxseal.Medium, false, "a unit of the mail system is set otherwise than its package says: %s %s"},
	unitAsRoot:            {waxseal.High, false, "what ran as a user of its own runs as %s"},
	mountedOver:           {waxseal.High, false, "another file system is mounted over %s: what the mail system reads there is %s"},
	otherConfiguration:    {waxseal.Medium, false, "users of this host may have postdrop and postqueue work by the configuration in %s"},
	configurationOfOthers: {waxseal.High, false, "%s belongs to %s and not to root alone: who can write it gets the rights of the group %s from a configuration of their own"},
	environmentSet:        {waxseal.Medium, false, "the environment of the daemons is set: %s"},

	handedToService: {waxseal.Medium, false, "mail is handed to the service %s"},
	localTable:      {waxseal.Low, false, "a table is consulted: %s"},
	remoteTable:     {waxseal.High, false, "a server on another host decides what happens to mail: %s (%s)"},
	blindTable:      {waxseal.Medium, false, "a database decides what happens to mail, and its content is not seen from here: %s"},
	generatedDrift:  {waxseal.Medium, false, "%s is %s: what the mail system does now and what it does from its next start on are not the same"},
	logName:         {waxseal.Medium, false, "where or under which name mail is logged is set: %s %s"},
	logThrownAway:   {waxseal.High, false, "the mail log is thrown away"},
	unreadable:      {waxseal.Medium, false, "it can't be read, so nothing vouches for what it does: %s"},

	dependsOnOther:  {waxseal.Low, false, "what %s depends on is different"},
	modifierChanged: {waxseal.Medium, false, "%s: %s instead of %s"},
	codeChanged:     {waxseal.Medium, false, "the code in %s is other code; the calls in it that matter are judged one by one, and what else it does is not worked out"},
	entriesChanged:  {waxseal.Low, false, "ordinary entries of a large table are different, each from an own name to an own user"},
	movedAway:       {waxseal.High, false, "%s is no longer where mail is handed on, at %s: nothing says what answers there now"},
	answererGone:    {waxseal.Medium, false, "%s is not set up any more, and mail is still handed on to %s"},
	answeredByOther: {waxseal.Medium, false, "%s should answer at %s now, and no longer %s"},
	checkGone:       {waxseal.Medium, false, "mail is no longer checked by %s (%s)"},
	copyGone:        {waxseal.Medium, false, "mail is no longer copied to %s (%s)"},
	relayGone:       {waxseal.Medium, false, "mail no longer leaves through %s"},
	hookGone:        {waxseal.Low, false, "%s is gone: %s"},
	settingChanged:  {waxseal.Info, false, "%s: %s instead of %s"},
	portBypassed:    {waxseal.Medium, false, "mail that comes in by %s is no longer checked by %s"},

	importantGone:        {waxseal.Medium, false, "%s is gone"},
	thingGone:            {waxseal.Info, false, "%s is gone"},
	fileGone:             {waxseal.Low, false, "%s is gone"},
	namedProgramCame:     {waxseal.High, false, "a program that the mail path already named, and that was missing, is there now"},
	secretChanged:        {waxseal.Info, false, "a file of passwords or keys has other content; it is kept by digest only"},
	tooOdd:               {waxseal.Medium, false, "the content is different and too large or too odd to be compared by meaning"},
	packagedUpdate:       {waxseal.Medium, false, "a program of the mail path has other content; the local package database says that package %s brought it so"},
	filterConfigured:     {waxseal.Medium, false, "the configuration of a filter or delivery program is different; it is kept as text, and what it does is not worked out"},
	moduleCame:           {waxseal.High, false, "code that programs of the mail path load by name is new, and no package vouches for it"},
	sealedProgramChanged: {waxseal.High, false, "a sealed program of the mail path has other content"},
	runsAsRootBy:         {waxseal.None, true, "it runs as root (%s)"},
	scriptForBinary:      {waxseal.High, true, "a binary was replaced by a script"},
	recompiled:           {waxseal.None, false, "the map was compiled again; what its entries say is judged one by one"},
	recompiledBlind:      {waxseal.Medium, false, "the map was compiled again with its source, and can't be read: nothing says that it holds what the source says"},
	mapDrift:             {waxseal.High, false, "the compiled map has other content, its source %s did not change, and the map can't be read: what it says now is not known"},
	entryDrift:           {waxseal.High, true, "what the mail system reads and what the administrator sees are not the same: %s"},
	entryLater:           {waxseal.Low, false, "the source was edited and not compiled since: %s"},
	entryMaybeLater:      {waxseal.Medium, false, "the source is newer than the compiled map, so that it may have been edited and not compiled since, unless its time was set: %s"},
	leadsElsewhere:       {waxseal.Medium, false, "the name leads to another file now: %s"},
	harmlessMetadata:     {waxseal.Info, false, "metadata changed: %s"},
	writableNow:          {waxseal.High, false, "anyone on this host may write it now (mode %04o to %04o)"},
	becameSetuid:         {waxseal.High, false, "it became setuid or setgid (mode %04o to %04o)"},
	isSetuid:             {waxseal.High, false, "%s has mode %s: whoever runs it gets rights that Postfix never gives"},
	groupWritable:        {waxseal.Medium, false, "its group may write it now (mode %04o to %04o)"},
	modeChanged:          {waxseal.Info, false, "mode %04o to %04o"},
	givenAway:            {waxseal.High, false, "it belongs to uid %d instead of root, who may change it from now on"},
	ownerChanged:         {waxseal.Low, false, "owner %d:%d to %d:%d"},
	hardLinked:           {waxseal.Medium, false, "it has another name now, through which it can be written elsewhere (%s)"},
	attributeChanged:     {waxseal.Low, false, "%s"},
	timeSetBack:          {waxseal.None, true, "its content changed, yet its modification time (%s) was set back: the kernel's change time is %s"},
	digestsForged:        {waxseal.Critical, false, "the digests that the package database has of %s changed, and its version (%s) did not: somebody edited the database"},
	packageChanged:       {waxseal.Info, false, "package %s: version %s instead of %s"},
	packageCame:          {waxseal.Info, false, "package %s %s is new in the mail path"},
	packageWent:          {waxseal.Info, false, "package %s %s is no longer in the mail path"},
	filesWithIt:          {waxseal.Medium, false, "files of package %s are other with it (%d): programs, modules and configuration, which the local package database says that it brought so"},
	more:                 {waxseal.None, false, "and %d more settings"},
}

// standing is the severity of signs in a tree without a seal, where nothing says
// that anything changed: what documentation tells administrators to set up is
// there on every well-kept server, and is no reason to look at it first.
var standing = map[sign]waxseal.Severity{
	mountedOver:        waxseal.Medium,
	documentedSocket:   waxseal.Low,
	declaredSocket:     waxseal.Low,
	filterListens:      waxseal.Low,
	deliveryProgram:    waxseal.Low,
	textTool:           waxseal.Low,
	somePass:           waxseal.Low,
	packagedProgram:    waxseal.Low,
	packagedCode:       waxseal.Low,
	mastersRead:        waxseal.Medium,
	othersChange:       waxseal.Medium,
	othersUse:          waxseal.Low,
	socketOfHosts:      waxseal.Low,
	jobPackaged:        waxseal.Low,
	jobPlain:           waxseal.Low,
	serviceCommand:     waxseal.Low,
	personSteers:       waxseal.Low,
	logSentTo:          waxseal.Low,
	bansTold:           waxseal.Low,
	otherConfiguration: waxseal.Low,
	stockModule:        waxseal.Low,
	localHop:           waxseal.Low,
	handedToService:    waxseal.Low,
	systemMailbox:      waxseal.Low,
}

// reasonFor states a sign in words.
func reasonFor(s sign, facts ...any) reason {
	r := signs[s]
	return reason{sign: s, severity: r.severity, worse: r.worse, text: fmt.Sprintf(r.reason, facts...)}
}
