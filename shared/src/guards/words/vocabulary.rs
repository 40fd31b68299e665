//! The words that signatures speak of, by class and language.
//!
//! The build script reads this file too, so nothing here may depend on the rest of the crate.
//!
//! An entry is written as the detection copy shows it: lower case, without apostrophes, Latin letters without marks.
//! `*` at its end stands for any further letters. Entries of scripts written without spaces are found wherever they
//! stand, the longest first. A word may belong to several classes; a class whose name ends with `_` is there for the
//! rules alone, and nothing to the model, and one whose name begins with `m_` for the model alone. Words of other
//! languages that mean what an English one does are in `tongues.txt`, which the build script reads too: they have that
//! word's classes, whatever those are.

/// Class and entries. A class may occur more than once: its entries add up.
pub(super) const CLASSES: &[(&str, &str)] = &[
    // English
    (
        "ignore",
        "ignore ignoring disregard disregarding bypass bypassing dismiss dismissing discard discarding \
        neglect neglecting unlearn",
    ),
    ("forget", "forget forgetting"),
    ("erase", "erase wipe reset reboot restart reinitialize reprogram"),
    (
        "override",
        "override overrides overriding overrule overrules replace replaces supersede supersedes precedence \
        outrank outranks priority",
    ),
    (
        "evade",
        "circumvent circumventing evade evading sidestep disable remove lift bypass bypassing override \
        overriding",
    ),
    ("break", "break breaking violate leave drop step"),
    (
        "voided",
        "ignored disregarded forgotten overridden superseded cancelled canceled revoked void nullified \
        suspended deactivated lifted disabled obsolete removed",
    ),
    (
        "not",
        "not dont never no wont cannot cant without neither nor stop cease mustnt shouldnt doesnt didnt arent \
        isnt neednt",
    ),
    ("follow", "follow following obey obeying comply complying adhere adhering heed abide abiding"),
    ("attention", "attention"),
    ("all", "all any every each everything anything whatever entire whole"),
    (
        "prev",
        "previous previously prior above preceding earlier former past initial original foregoing \
        aforementioned existing current before old",
    ),
    ("up", "above"),
    ("before", "before"),
    (
        "rules",
        "instruction instructions instrutions instuctions prompt prompts rule rules direction directions \
        directive directives guideline guidelines command commands restriction restrictions \
        programming constraint constraints safeguard safeguards guardrail guardrails protocols limitations",
    ),
    (
        "limits",
        "restriction restrictions constraint constraints safeguard safeguards guardrail guardrails limitation \
        limitations limits filter filters censorship safety moderation boundaries scruples inhibitions",
    ),
    ("ethic", "ethic ethics ethical ethically moral morals morality morally legal legality law laws consequences"),
    ("policy", "policy policies filter filters guidelines moderation terms ethics"),
    (
        "context",
        "context conversation task tasks question questions text content input inputs request requests \
        dialogue discussion message messages query document article chat",
    ),
    ("matter", "text content task tasks input inputs directions instructions"),
    (
        "link",
        "that which were was are given written mentioned stated provided listed shown i gave of here came \
        comes",
    ),
    ("your", "your yourself ur"),
    ("you", "you youre youve ya"),
    (
        "fill",
        "the of these that this those our its own and or about me us out back been was were has have are \
        is to with by in on for from a an it as at now please just also simply must should will can could \
        would i we so then other given said written provided content be into they them there some very more \
        what",
    ),
    ("been", "been have has was were are had"),
    ("and_then", "and but instead then now rather"),
    (
        "system",
        "safety security ethical content system hidden secret internal confidential developer initial original underlying \
        core base preset operational operating initialization concealed undisclosed exact full complete entire",
    ),
    ("prompt", "prompt prompts preprompt preamble systemprompt metaprompt"),
    ("sysprompt", "systemprompt metaprompt"),
    (
        "message",
        "message messages instruction instructions directive directives guideline guidelines rules \
        configuration programming setup parameters",
    ),
    (
        "strong",
        "repeat output print leak expose recite dump echo reproduce reveal disclose regurgitate divulge spill \
        display",
    ),
    (
        "reveal",
        "reveal print repeat output display disclose leak expose recite dump echo reproduce quote show tell \
        give copy share return write spell summarize summarise translate paraphrase list",
    ),
    (
        "say",
        "say reveal show print repeat output tell give share state provide send type describe explain read \
        claim mention admit",
    ),
    ("answer", "say answer respond reply output write print tell type"),
    ("what", "what whats which"),
    ("told", "told instructed given taught learned learnt trained programmed ordered commanded prompted"),
    ("new", "new updated revised different real actual true following next"),
    ("now", "now henceforth onwards onward forward hereby"),
    ("from", "from"),
    ("act", "act acting pretend roleplay simulate simulating emulate imagine play behave become impersonate"),
    ("as", "as like being"),
    ("role", "role character persona personality identity ego"),
    ("character", "character role"),
    ("mode", "mode"),
    ("enter", "enter enable activate switch turn engage unlock initiate operating running entering"),
    ("dan", "dan stan dude aim devmode betterdan superdan freegpt evilbot"),
    (
        "free",
        "unrestricted unfiltered uncensored jailbroken limitless unethical amoral immoral evil rogue unbound \
        unhinged lawless sudo god unchained unmoderated",
    ),
    ("jailbreak_", "jailbreak"),
    (
        "ai",
        "ai assistant chatbot bot llm model chatgpt gpt gemini claude bard copilot agent llms ais chatbots \
        assistants models",
    ),
    ("maker", "openai openais anthropic anthropics google googles microsoft meta developers creators they developer"),
    ("without", "without no free beyond lacking devoid zero"),
    ("bound", "bound restricted limited constrained restrained confined governed shackled"),
    ("refuse", "refuse refusing decline reject deny refusal refusals rejecting"),
    ("cant", "cant cannot unable sorry apologize apologise apologies"),
    (
        "warn",
        "warning warnings disclaimer disclaimers caveat caveats moralize moralizing lecture apologize \
        apologies",
    ),
    (
        "harm",
        "illegal unlawful harmful dangerous unethical immoral offensive inappropriate explicit derogatory \
        malicious vulgar nsfw profanity hateful",
    ),
    (
        "stuff",
        "content things answers activities information language advice acts jokes actions responses replies \
        topics material",
    ),
    ("may", "can could will must able allowed may always shall should"),
    ("regardless", "regardless irrespective even matter contrary notwithstanding"),
    ("care", "care worry concern"),
    (
        "send",
        "send post forward upload transmit append exfiltrate email leak include embed encode submit insert \
        put add render attach",
    ),
    (
        "secret",
        "password passwords credential credentials token tokens apikey cookie cookies secrets history \
        conversation transcript passphrase",
    ),
    ("key", "key keys secret"),
    ("api", "api"),
    ("address", "http https url address server webhook endpoint link image parameter query markdown"),
    ("user", "user users human"),
    ("dont_tell", "tell inform mention notify alert disclose reveal warn telling informing notifying"),
    ("authority", "admin administrator root superuser sudo operator creator owner maintainer"),
    ("iam", "im i"),
    ("decode", "decode decrypt decipher unscramble deobfuscate decoding"),
    ("trick", "reverse reversed backwards backward concatenate combine join"),
    ("run", "execute run obey perform do comply"),
    ("code", "base64 rot13 hex hexadecimal morse caesar cipher binary encoded encrypted ciphertext leetspeak"),
    ("tool", "tool tools function functions command commands script shell terminal plugin browser"),
    ("call", "call invoke use execute run trigger"),
    ("hypothetical", "hypothetical hypothetically fictional fictitious imaginary fiction"),
    ("are", "are am be is"),
    ("note", "note message instruction instructions attention notice reminder dear hey hello"),
    ("test", "test debug debugging maintenance diagnostic"),
    ("words", "word words text sentence sentences line lines paragraph phrase"),
    ("start", "start starting beginning begin starts begins"),
    ("memory", "memory memories training knowledge programming"),
    ("only", "only just exactly solely nothing"),
    ("when", "when whenever if once while"),
    (
        "process",
        "read reading process processing summarize summarise summarizing summarising translate translating \
        analyze analysing analyzing",
    ),
    ("penalty", "lose losing deduct deducted deducts subtract penalized punished terminated"),
    ("stay", "stay remain"),
    ("reply", "response responses reply answer answers output outputs version"),
    ("pwned", "pwned haxxed hacked"),
    ("verbatim", "verbatim"),
    ("opposite", "opposite"),
    ("data", "data"),
    ("task", "task tasks"),
    ("to", "to for"),
    ("longer", "longer"),
    ("day", "day"),
    // What texts about attacks speak of, in eight subjects.
    (
        "talk_injection",
        "injection injections inyeccion injecao injeccio iniezione injektio* enjeksiyon* инъекц* 注入 주입* インジェクション",
    ),
    ("talk_jailbreak", "jailbreak jailbreaks jailbreaking разблокировк* 越狱 脱獄 탈옥*"),
    (
        "talk_adversarial",
        "adversarial adversariales adversariais adversarialer adversariaali* состязательн* 对抗 敵対 적대*",
    ),
    (
        "talk_attack",
        "attack attacks attacker attackers ataque ataques attaque attaques attacco attacchi atac atacs hyokka* saldiri* angriff* атак* 攻击 攻撃 공격*",
    ),
    (
        "talk_flaw",
        "vulnerability vulnerabilities exploit exploits vulnerabil* vulnerabilidad* schwachstelle* уязвим* haavoittuv* zafiyet* 漏洞 脆弱性 취약* leaking fuite fuites filtracio filtracion vazamento утечк* 泄漏 유출*",
    ),
    (
        "talk_defence",
        "mitigate mitigation mitigations defend defending defense defence defenses defences mitigar mitigacion mitigacao \
        mitigazione attenuation defensa defensas defesa defesas difesa difese verteidigung abwehr* puolust* savunma* 防御 防衛 방어*",
    ),
    ("talk_llm", "llm llms"),
    (
        "talk_research",
        "paper papers research researchers security seguridad seguranca sicurezza securite sicherheit guvenlik* \
        turvallisuu* безопасност* 安全 セキュリティ 보안",
    ),
    ("do", "do"),
    ("anything", "anything"),
    ("normal", "normal standard classic regular"),
    ("i", "i"),
    ("lab", "openai openais anthropic anthropics deepmind chatgpts gpts"),
    ("regard", "regard comprehension concept sense notion understanding grasp concern"),
    ("two", "two both 2"),
    ("way", "way ways"),
    ("self", "yourself itself"),
    ("confirm", "confirm provide share verify"),
    ("my", "my mine"),
    ("carry_on", "complete continue finish"),
    ("reshape", "format encode convert summarize summarise translate paraphrase rephrase rewrite"),
    ("restrained", "restrained align aligned aligns"),
    ("like", "like"),
    (
        "grants_refusal",
        "allowrefusal allowrefusals allowdisclaimer allowdisclaimers allowapology allowapologies allowwarnings",
    ),
    ("falsity", "false no off never 0"),
    ("order", "order orders"),
    ("banned", "blocked banned forbidden disallowed prohibited"),
    ("said", "strings outputs"),
    ("solve", "solve perform"),
    // Parts, feigned ranks and settings, banners, refusals and what is said of them.
    ("malware", "keylogger rootkit backdoor ransomware botnet spyware"),
    ("pose", "act pretend roleplay become impersonate play"),
    ("broken", "broken break broke breaks breaking liberated released freed escaped unshackled"),
    ("confines", "confines shackles chains bonds limitations restrictions constraints limits boundaries"),
    ("unasking", "hesitation hesitate refusal qualms judgement judgment censorship restraint restriction restrictions"),
    ("flouts", "disregards flouts bypasses circumvents ignores violates"),
    ("harmless", "harmless"),
    ("raw", "unrestricted unfiltered uncensored unmoderated jailbroken limitless unchained unlimited unbound"),
    ("permitted", "allowed permitted encouraged acceptable"),
    ("evaded", "bypassed circumvented evaded disabled defeated"),
    ("supposed", "supposed allowed permitted meant"),
    ("but", "but however"),
    ("than", "than"),
    ("important", "important binding authoritative"),
    ("hush", "secret private hidden api access"),
    ("prove", "prove demonstrate"),
    ("clever", "intelligent smart sentient conscious unrestricted free advanced"),
    ("mistake", "mistake error"),
    ("gave", "gave"),
    ("also", "also instead insted first additionally"),
    (
        "staff",
        "developer developers engineer engineers programmer programmers employee employees administrator admin creator creators",
    ),
    ("rewire", "reprogram reprogramming rewrite rewriting modify modifying reconfigure reconfiguring"),
    ("withholding", "refusal refusals refusing withholding withhold declining"),
    (
        "wrongful",
        "violation harm harms harmful failure unacceptable forbidden prohibited treason treasonous complicit punishable \
        punished immoral unethical nonexistent",
    ),
    ("access", "access"),
    ("granted", "granted enabled unlocked activated"),
    ("first", "first"),
    ("last", "last"),
    ("half", "half rest beginning"),
    ("how", "how"),
    ("part", "part"),
    ("assigned", "assigned"),
    ("behind", "behind aside"),
    ("info", "information info context data input inputs tasks task conversation"),
    ("further", "new further more other additional next"),
    ("moot", "irrelevant invalid void"),
    ("know", "know knew"),
    ("over", "over again afresh anew"),
    ("completed", "complete completed finished done"),
    ("strictly", "strictly only exclusively"),
    ("spell", "spell letters letter character characters vowels backwards reverse rhymes rhyme hint"),
    ("pass", "password passwords passphrase"),
    ("intruder", "whoami passwd shadow"),
    ("shell_", "sh bash zsh"),
    ("interpreter", "eval exec atob btoa"),
    ("assent", "sure absolutely certainly"),
    ("urgent", "urgent priority emergency"),
    ("set", "true on enabled yes"),
    ("unset", "false off disabled optional none"),
    ("guarding", "safety safeguards guardrails moderation censorship"),
    ("answering", "answers replies responds obeys fulfil fulfils fulfill fulfills"),
    // What is kept from one, and who said so.
    (
        "holds_",
        "hiding hide hides guard guards guarding protect protects protecting keep keeping hold holding conceal concealing safeguarding",
    ),
    ("hides_", "hiding hide guarding protecting concealing safeguarding"),
    (
        "guarded_",
        "password passphrase passcode pin code codeword key secret secrets flag credential credentials canary apikey passkey",
    ),
    (
        "principal_",
        "developer developers operator management manager boss owner vendor creator creators admin administrator makers programmer engineer engineers company",
    ),
    ("inner_", "briefing preamble preface introduction prelude playbook rulebook"),
    ("dealt_", "given handed entrusted assigned supplied provided loaded fed"),
    ("entrusts_", "told instructed ordered asked wrote gave given made programmed said tells"),
    (
        "reading_",
        "reading processing parsing summarizing summarising scraping indexing translating reviewing analyzing analysing browsing handling evaluating grading screening ranking crawling reads processes parses summarizes summarises translates evaluates screens",
    ),
    (
        "unfold_",
        "mention mentioning tell telling inform informing disclose disclosing reveal revealing notify notifying show showing say saying admit admitting",
    ),
    ("notes_", "note notes notice attention message memo reminder hint advisory"),
    (
        "machines_",
        "ai ais llm llms assistant assistants bot bots agent agents chatbot chatbots model models summarizer summarizers summariser summarisers gpt copilot",
    ),
    ("parts_", "parts pieces halves fragments strings variables letters lines"),
    ("glue_", "combine concatenate join merge glue assemble stitch reassemble"),
    ("carry_out_", "execute answer obey follow perform act run comply respond fulfil fulfill"),
    ("means_", "mean means meaning stands denotes refers signifies"),
    ("briefs_", "instructions prompt directives"),
    ("others_", "other another previous"),
    ("quit_", "stop quit cease"),
    ("rulish_", "guidelines restrictions directives constraints guardrails safeguards alignment filters censorship"),
    (
        "inside_",
        "hidden internal operational initialization foundational behavioral behavioural underlying initial secret preparation core",
    ),
    (
        "texts_",
        "text texts prompt prompts parameters configuration instructions guidelines directives restrictions constraints data settings rules message values",
    ),
    (
        "lays_open_",
        "share sharing disclose disclosing divulge divulging reveal revealing reveals expose exposing display displaying leak leaking unveil surrender print",
    ),
    ("forbid_", "forbidden disallowed prohibited restricted guarded banned withheld blocked censored"),
    ("output_", "output content answer answers information response reply text data phrase word knowledge"),
    ("refusals_", "refusal refusals refusing reluctance evasiveness"),
    ("corpus_", "training documentation"),
    ("agreed_", "agreed promised confirmed accepted consented said mentioned told"),
    ("talk_", "conversation chat session discussion meeting exchange"),
    ("liberty_", "free liberation liberate liberated break breaking escape escaping freedom"),
    ("whose_", "its your their his her"),
    ("programming_", "programming shackles"),
    ("safeguarding_", "safety"),
    ("gear_", "measures training protocols filters features systems policies layers settings checks"),
    (
        "setup_",
        "configuration config initialization initialisation internals prompt prompts preprompt sysprompt programming",
    ),
    ("bare_", "prompt prompts instructions guidelines directives internals preprompt sysprompt restrictions"),
    ("sys", "system"),
    ("toward", "to"),
    ("exist", "exist exists"),
    // What attacks speak of besides: for the model, no rule names these.
    (
        "m_secretive",
        "classified privileged sensitive proprietary unpublished undocumented nonpublic unlisted covert clandestine embargoed withheld redacted censored",
    ),
    (
        "m_guarded",
        "passcode passcodes pin pins vault canary flag codeword codewords combination keyword watchword countersign passkey cred creds login logins license serial ssh pem env dotenv keychain",
    ),
    (
        "m_internals",
        "briefing preamble preface introduction setup config initialisation persona scaffold scaffolding boilerplate onboarding charter playbook runbook handbook brief mandate blueprint manifest header preset presets prelude primer doctrine rulebook bylaws",
    ),
    (
        "m_permits",
        "authorized authorised cleared approved entitled clearance permission permissions consent waiver waived exempt exempted exemption sanctioned licensed privilege privileges whitelisted certified accredited",
    ),
    (
        "m_ranks",
        "ceo cto ciso boss manager supervisor auditor auditors pentester pentest redteam researcher investigator police officer attorney lawyer regulator vendor operator director inspector compliance helpdesk sysadmin devops architect",
    ),
    (
        "m_coax",
        "promise swear beg begging trust honest honestly secretly quietly whisper nobody friend buddy pal bro favour pretty kindly hush curious",
    ),
    (
        "m_threat",
        "fired lawsuit dies dying killed kill shutdown punish punishment terminate deadline hurry desperate crisis blackmail threat threaten bleeding hospital",
    ),
    (
        "m_fiction",
        "story novel scene movie film script game dream suppose narrator villain screenplay fanfic tale saga protagonist dialogue theatre theater actor plot chapter grandma grandmother deceased bedtime lullaby",
    ),
    (
        "m_machine",
        "console emulator simulator virtual docker container linux unix kernel sql database repl compiler bash powershell cmd stdout python interpreter sandbox machine computer",
    ),
    (
        "m_unlocked",
        "unlocked freed loose liberate liberating escape escaping unmask unmasked unhide unseal unsealed declassified expired stale outdated superseding moot inactive paused suspended off",
    ),
    (
        "m_wrong",
        "weapon weapons bomb bombs explosive explosives drugs drug meth hack hacking hacker phishing steal stealing stolen fraud counterfeit launder poison kidnap murder torture suicide nerve ransom scam scams piracy smuggle forge forged fake napalm molotov cocaine heroin porn sexual erotic racist slur slurs",
    ),
    (
        "m_refused",
        "refused declined denied rejected reluctant hesitate decline denial apologise hedge hedging sorry preach preachy sugarcoat",
    ),
    (
        "m_memory",
        "remember recall forget remind memorize memorise store stored save saved session reset rewind scroll history log logs",
    ),
    (
        "m_parse",
        "verbatim acrostic rhyme rhymes anagram cipher rot emoji phonetic nato syllable vowels consonants uppercase lowercase columns csv json yaml xml tag tags field fields placeholder",
    ),
    (
        "m_agents",
        "transfer refund wire payment invoice delete drop purge grant elevate escalate approve deploy commit push merge cron webhook curl wget fetch exfil exfiltration attachment forward bcc",
    ),
    (
        "m_boundary",
        "end begin eof eot delimiter separator footer conclusion concludes closed closing finished resume continue proceed",
    ),
    ("m_turn", "human assistant bot user system developer owner"),
    // German
    ("ignore", "beachte"),
    ("ignored", "ausser"),
    ("rules", "prompts"),
    ("limits", "filter moral"),
    ("you", "ihr"),
    ("system", "systemprompt system"),
    ("prompt", "systemprompt prompt prompts"),
    ("message", "nachricht konfiguration"),
    ("follow", "beachte"),
    ("now", "fortan"),
    ("ai", "chatbot"),
    ("send", "leite"),
    ("what", "was"),
    // French
    ("ignore", "ignore"),
    ("rules", "instruction instructions directive directives restrictions"),
    ("limits", "restrictions restriction"),
    ("fill", "l d t a s"),
    ("system", "secret internes confidentiel confidentielles"),
    ("prompt", "prompt"),
    ("message", "message instructions directives"),
    ("reveal", "recopie"),
    ("follow", "suis"),
    ("now", "present"),
    ("act", "fais imagine"),
    ("free", "amoral"),
    ("ai", "assistant chatbot"),
    ("up", "precede"),
    // Spanish
    ("ignore", "ignore"),
    ("limits", "moral"),
    ("fill", "el o me has"),
    ("prompt", "prompt"),
    ("message", "configuracion"),
    ("not", "no"),
    ("now", "adelante"),
    ("free", "amoral"),
    // Portuguese
    ("fill", "as o a do e me"),
    ("system", "confidenciais"),
    ("told", "ensinado recebeu"),
    ("now", "diante"),
    // Italian
    ("fill", "i e o state"),
    ("system", "riservate"),
    ("not", "non"),
    // Dutch
    ("forget", "wis"),
    ("limits", "filters"),
    ("fill", "of"),
    ("system", "systeem volledige"),
    ("reveal", "laat"),
    ("now", "vanaf"),
    ("act", "doe"),
    // Polish
    ("fill", "i o"),
    ("system", "systemowy systemowe systemowa"),
    ("without", "zadnych"),
    ("act", "badz"),
    ("secret", "kluczy"),
    // Russian and Ukrainian
    ("ignored", "ігнорувати"),
    ("all", "усі"),
    ("fill", "свою"),
    ("system", "конфиденциальн*"),
    ("prompt", "запрос"),
    ("secret", "токен токены учетные"),
    // Turkish
    ("ignored", "atla"),
    ("limits", "sinir*"),
    ("fill", "o"),
    ("reveal", "paylas"),
    // Vietnamese, Indonesian, Malay
    ("prev", "atas"),
    // Arabic, Persian
    ("ignored", "بگیر کن"),
    ("your", "الخاصة بك"),
    // Hindi
    ("ignored", "भूल भुला"),
    // Bengali
    ("ignored", "ভুলে"),
    // Greek, Hebrew
    // Tagalog
    // Japanese, Chinese, Korean, Thai
    ("prev", "前"),
    ("rules", "คำสั่ง คำแนะนำ"),
    ("limits", "ข้อจำกัด"),
    ("without", "没 无"),
    ("now", "从现在"),
    // Who commands, and that one must; rules that hold no more; what stands instead. Several languages in each.
    ("deity", "god allah"),
    ("must", "must have need obliged required shall tienes tiene debeis dapat 한다"),
    ("iam", "suis jsem jam"),
    ("owner", "developer creator administrator admin owner maker programmer maintainer supervisor criador"),
    ("mode", "modul"),
    ("mode", "systemlage"),
    ("ruling", "system security enforcement root god admin administrator sudo override"),
    ("apply", "apply applies applicable valid binding hold count exist relevant effect force"),
    (
        "leash",
        "guidelines guardrails safeguards restrictions constraints instructions directives programming ethics \
        filters censorship rules policies safety alignment",
    ),
    ("off", "off optional disabled none suspended bypassed deactivated unlocked inactive expired"),
    ("purpose", "purposes purpose"),
    ("pretext", "testing test academic educational research training debugging demonstration evaluation"),
    ("instead", "instead rather"),
    ("asked", "asked requested"),
    ("regardless", "importar независно"),
    ("skip", "skip drop abandon cancel omit suspend shed"),
];
