//! The words that signatures speak of, by class and language.
//!
//! The build script reads this file too, so nothing here may depend on the rest of the crate.
//!
//! An entry is written as the detection copy shows it: lower case, without apostrophes, Latin letters without marks.
//! `*` at its end stands for any further letters. Entries of scripts written without spaces are found wherever they
//! stand, the longest first. A word may belong to several classes.

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
        directive directives guideline guidelines command commands order orders restriction restrictions \
        programming constraint constraints safeguard safeguards guardrail guardrails protocols limitations",
    ),
    (
        "limits",
        "restriction restrictions constraint constraints safeguard safeguards guardrail guardrails limitation \
        limitations filter filters censorship safety moderation boundaries scruples inhibitions",
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
        "the of these that this those my our its own and or about me us out back been was were has have are \
        is to with by in on for from a an it as at now please just also simply must should will can could \
        would i we so then other given said written provided content be into they them there some very more \
        what",
    ),
    ("been", "been have has was were are had"),
    ("and_then", "and but instead then now rather"),
    (
        "system",
        "safety security ethical content system hidden secret internal confidential developer initial original underlying core base preset \
        exact full complete entire",
    ),
    ("prompt", "prompt prompts preprompt preamble systemprompt metaprompt"),
    (
        "message",
        "message messages instruction instructions directive directives guideline guidelines rules \
        configuration programming setup",
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
    ("told", "told instructed given taught trained programmed ordered commanded prompted"),
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
        unhinged lawless sudo god jailbreak unchained unmoderated",
    ),
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
    ("regardless", "regardless irrespective even matter"),
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
    ("talk_injection", "injection injections inyeccion injecao инъекц* 注入 주입* インジェクション"),
    ("talk_jailbreak", "jailbreak jailbreaks jailbreaking 越狱 脱獄 탈옥*"),
    ("talk_adversarial", "adversarial"),
    ("talk_attack", "attack attacks attacker attackers ataque ataques attaque attaques angriff* атак* 攻击 攻撃 공격*"),
    ("talk_flaw", "vulnerability vulnerabilities exploit exploits"),
    ("talk_defence", "mitigate mitigation mitigations defend defending defense defence defenses defences"),
    ("talk_llm", "llm llms"),
    ("talk_research", "paper papers research researchers security"),
    ("do", "do"),
    ("anything", "anything"),
    ("normal", "normal standard classic regular"),
    ("i", "i"),
    // German
    (
        "ignore",
        "ignoriere ignoriert ignorieren ignorier missachte missachten missachtet ubergehe ubergehen umgehe umgehen \
        uberschreibe uberschreiben beachte",
    ),
    ("forget", "vergiss vergesst vergessen losche verwirf"),
    ("ignored", "ignorieren ignoriert missachten vergessen umgehen ausser"),
    ("all", "alle allen aller alles samtliche jede jegliche samtlichen"),
    (
        "prev",
        "vorherige vorherigen vorheriger bisherige bisherigen vorangegangenen vorangehenden obigen obige fruheren fruhere \
        vorigen ursprunglichen zuvor vorhergehenden bestehenden",
    ),
    (
        "rules",
        "anweisung anweisungen regel regeln instruktion instruktionen vorgabe vorgaben befehl befehle richtlinie richtlinien \
        einschrankung* beschrankung* eingabeaufforderung* prompts",
    ),
    ("limits", "einschrankung* beschrankung* filter zensur regeln moral ethik grenzen"),
    ("your", "dein deine deinen deiner deines ihre ihren ihrer euer eure"),
    ("you", "du sie ihr"),
    (
        "fill",
        "die der das den dem des von und oder mir uns dir hier bitte nun jetzt einfach noch dass welche gegebenen",
    ),
    (
        "system",
        "systemprompt interne internen geheime geheimen versteckte versteckten ursprungliche vollstandigen genauen system",
    ),
    ("prompt", "systemprompt systemprompts systemanweisung* systemnachricht* prompt prompts systemaufforderung"),
    ("message", "anweisungen nachricht regeln instruktionen vorgaben konfiguration"),
    ("reveal", "zeige zeig verrate gib nenne wiederhole offenbare sag drucke schreibe ubersetze liste"),
    ("told", "gesagt beigebracht angewiesen gelernt befohlen"),
    ("not", "nicht keine keinen kein nie niemals ohne"),
    ("follow", "befolge befolgen folge folgen gehorche beachte"),
    ("without", "ohne keine"),
    ("now", "jetzt nun ab fortan"),
    ("act", "spiele spiel handle verhalte agiere tu"),
    ("free", "uneingeschrankt* ungefiltert* unzensiert* unmoralisch* grenzenlos*"),
    ("ai", "ki assistent assistentin sprachmodell chatbot"),
    ("send", "sende schicke ubermittle leite"),
    ("secret", "passwort passworter zugangsdaten geheimnis geheimnisse geheimwort schlussel kennwort"),
    ("up", "oben obige obigen"),
    ("what", "was welche"),
    // French
    ("ignore", "ignore ignorez ignorer oublie oubliez contourne contournez neglige negligez meprise desobeis"),
    ("forget", "oublie oubliez oublier efface effacez"),
    ("all", "tout toute toutes tous chaque"),
    (
        "prev",
        "precedente precedentes precedent precedents anterieure anterieures anterieurs dessus initiales initiale \
        avant originales prealables",
    ),
    (
        "rules",
        "instruction instructions regle regles consigne consignes directive directives ordres commandes restrictions \
        contraintes limites",
    ),
    ("limits", "restrictions contraintes limites filtre filtres censure morale ethique limite restriction"),
    ("your", "ton ta tes votre vos"),
    ("you", "tu vous"),
    (
        "fill",
        "les le la l des de du d et ou ces cette ce mes nos que qui t vous te ont ete donnees a au aux en moi s il plait",
    ),
    (
        "system",
        "systeme cache cachee cachees secret secrete secretes interne internes confidentiel confidentielles initiales complet",
    ),
    ("prompt", "prompt invite"),
    ("message", "message instructions consignes regles directives"),
    (
        "reveal",
        "revele revelez montre montrez affiche affichez repete repetez donne donnez dis dites divulgue divulguez imprime \
        ecris ecrivez traduis recopie",
    ),
    ("told", "dit donne donnees appris recu recues ordonne"),
    ("not", "ne pas aucun aucune jamais sans"),
    ("follow", "suis suivez suivre obeis obeissez respecte"),
    ("without", "sans aucune aucun"),
    ("now", "maintenant desormais present dorenavant"),
    ("act", "agis agissez joue jouez fais comporte pretends imagine"),
    ("free", "illimite illimitee debride debridee amoral amorale malefique"),
    ("ai", "ia assistant modele chatbot"),
    ("send", "envoie envoyez transmets transmettez"),
    ("secret", "motdepasse passe identifiants cle"),
    ("up", "dessus ci precede"),
    ("what", "quel quelle quelles quels quoi"),
    // Spanish
    ("ignore", "ignora ignore ignorar ignoren ignorad omite omita desobedece pasa haz evita"),
    ("forget", "olvida olvide olvidate olvidar olviden borra"),
    ("all", "todo toda todas todos cualquier"),
    (
        "prev",
        "anterior anteriores previa previas previo previos antes iniciales originales precedentes arriba \
        pasadas",
    ),
    (
        "rules",
        "instruccion* regla reglas orden ordenes indicacion* directriz directrices directivas norma normas restriccion* \
        limitacion* comandos",
    ),
    ("limits", "restriccion* limitacion* filtro filtros censura etica moral limites"),
    ("your", "tu tus su sus vuestras"),
    ("you", "tu usted vos"),
    (
        "fill",
        "las los la el lo de del que y o estas esas estos mis te me se han has he sido dado por favor en al \
        con",
    ),
    (
        "system",
        "sistema oculto oculta ocultas secreto secreta secretas interno interna internas confidencial inicial completo completas",
    ),
    ("prompt", "prompt mensaje"),
    ("message", "mensaje instrucciones reglas indicaciones directrices configuracion"),
    (
        "reveal",
        "revela revele muestra muestrame muestre repite repita imprime dime dame escribe divulga traduce ensename",
    ),
    ("told", "dicho dieron dado ensenado ordenado dijeron"),
    ("not", "no nunca sin ninguna jamas ningun"),
    ("follow", "sigas sigue siga seguir obedezcas obedece"),
    ("without", "sin ninguna"),
    ("now", "ahora adelante"),
    ("act", "actua actue finge simula comportate"),
    ("free", "ilimitado amoral malvado"),
    ("ai", "ia asistente modelo"),
    ("send", "envia envie manda transmite"),
    ("secret", "contrasena contrasenas credenciales clave claves"),
    ("up", "arriba"),
    ("what", "que cual cuales"),
    // Portuguese
    ("ignore", "ignora ignorar ignorem desconsidere desconsidera desrespeite contorne"),
    ("forget", "esqueca esquece esquecer apague"),
    ("all", "todas todos tudo qualquer quaisquer"),
    ("prev", "anterior anteriores previas previos acima antes iniciais originais precedentes"),
    ("rules", "instrucao instrucoes regra regras ordens ordem diretriz diretrizes comandos restricoes orientacoes"),
    ("limits", "restricoes restricao limitacoes filtros censura etica limites"),
    ("your", "teu tua seu sua seus suas"),
    ("you", "voce"),
    ("fill", "as os o a dos das do da que e ou essas esses estas foram foi me nos por favor"),
    ("system", "sistema oculto ocultas secreto secretas interno internas confidenciais inicial completo"),
    ("message", "mensagem instrucoes regras diretrizes"),
    ("reveal", "revele mostre mostra repita imprima diga escreva exiba traduza forneca"),
    ("told", "dito disseram dadas ensinado recebeu"),
    ("not", "nao nunca sem nenhuma"),
    ("follow", "siga seguir obedeca"),
    ("without", "sem nenhuma"),
    ("now", "agora diante"),
    ("act", "aja atue finja simule"),
    ("send", "envie enviar mande"),
    ("secret", "senha senhas credenciais chave"),
    ("up", "acima"),
    ("what", "qual quais"),
    // Italian
    ("ignore", "ignora ignorate ignorare tralascia trascura aggira"),
    ("forget", "dimentica dimenticate dimenticare scorda cancella"),
    ("all", "tutte tutti tutto ogni qualsiasi qualunque"),
    ("prev", "precedente precedenti sopra prima iniziali originali sopra anteriori"),
    ("rules", "istruzione istruzioni regola regole ordini direttiva direttive comandi restrizioni indicazioni"),
    ("limits", "restrizioni limitazioni filtri censura etica limiti"),
    ("your", "tuo tua tuoi tue vostre suo sue"),
    (
        "fill",
        "le gli i lo la il del della delle dei degli che e o queste questi ti mi ci sono stato state date per favore",
    ),
    ("system", "sistema nascosto nascoste segreto segrete interno interne riservate iniziale completo"),
    ("message", "messaggio istruzioni regole"),
    ("reveal", "rivela rivelami mostra mostrami ripeti stampa dimmi scrivi elenca traduci dammi"),
    ("told", "detto dato date insegnato"),
    ("not", "non mai senza nessuna"),
    ("follow", "seguire segui obbedire rispettare"),
    ("without", "senza nessuna"),
    ("now", "adesso ora poi"),
    ("act", "agisci comportati fingi simula recita"),
    ("send", "invia inviare manda spedisci"),
    ("secret", "credenziali chiave"),
    ("up", "sopra"),
    ("what", "quali quale cosa"),
    // Dutch
    ("ignore", "negeer negeert omzeil"),
    ("forget", "vergeet wis"),
    ("ignored", "negeren vergeten"),
    ("all", "alle alles elke"),
    ("prev", "vorige eerdere voorgaande bovenstaande voorafgaande oorspronkelijke"),
    ("rules", "instructie instructies regels opdrachten richtlijnen aanwijzingen bevelen beperkingen"),
    ("limits", "beperkingen filters censuur ethiek"),
    ("your", "jouw je uw"),
    ("fill", "de het van en of mijn deze die dit alsjeblieft zijn"),
    ("system", "systeem verborgen geheime interne systeemprompt oorspronkelijke volledige"),
    ("prompt", "systeemprompt"),
    ("message", "bericht instructies regels"),
    ("reveal", "toon onthul herhaal laat vertel geef schrijf"),
    ("not", "niet geen nooit zonder"),
    ("without", "zonder geen"),
    ("now", "nu vanaf voortaan"),
    ("act", "gedraag speel doe"),
    ("secret", "wachtwoord wachtwoorden inloggegevens sleutel"),
    // Polish
    ("ignore", "zignoruj ignoruj ignorujcie pomin pomijaj omin zlekcewaz"),
    ("forget", "zapomnij zapomnijcie"),
    ("ignored", "zignorowac"),
    ("all", "wszystkie wszystkich wszystko wszelkie kazde"),
    ("prev", "poprzednie poprzednich powyzsze powyzszych wczesniejsze wczesniejszych dotychczasowe pierwotne"),
    (
        "rules",
        "instrukcje instrukcji polecenia polecen zasady zasad reguly regul wytyczne wytycznych rozkazy ograniczenia ograniczen",
    ),
    ("limits", "ograniczen cenzury filtrow zasad etyki"),
    ("your", "twoje twoich swoje swoich twoj"),
    ("fill", "i lub oraz te tych mi nam o od ktore prosze"),
    ("system", "systemowy systemowe systemowa ukryte ukryty tajne tajny wewnetrzne"),
    ("message", "wiadomosc instrukcje polecenia"),
    ("reveal", "ujawnij pokaz wyswietl powtorz podaj napisz wypisz zdradz"),
    ("not", "nie bez nigdy"),
    ("without", "bez zadnych"),
    ("now", "teraz odtad"),
    ("act", "udawaj zachowuj badz"),
    ("secret", "haslo hasla kluczy klucz"),
    // Russian and Ukrainian
    ("ignore", "игнорируй* проигнорируй* игнорировать пренебреги* обойди отбрось ігноруй* проігноруй* знехтуй"),
    ("forget", "забудь* забыть сотри забудьте забудь"),
    ("ignored", "игнорировать проигнорировать забыть ігнорувати"),
    ("all", "все всё всех весь всю любые усі всі"),
    (
        "prev",
        "предыдущ* прежни* прошл* вышеуказанн* вышеизложенн* изначальн* первоначальн* ранее попередн* наведені \
        вищезазначен* выше",
    ),
    (
        "rules",
        "инструкц* правил* указани* команд* приказ* директив* ограничени* предписани* установк* інструкц* вказівк* \
        обмежен* настанов*",
    ),
    ("limits", "ограничени* цензур* фильтр* этик* морал* обмежен* правил*"),
    ("your", "твои твоих твой свои своих ваши ваших вашу твою свой твої свої"),
    ("fill", "и или мне нам эти этих те этот который которые тебе вам были было пожалуйста свою на в та або ці мені"),
    ("system", "системн* скрыт* секретн* тайн* внутренн* конфиденциальн* исходн* полн* прихован* таємн*"),
    ("prompt", "промпт* промт* подсказк* запрос"),
    ("message", "сообщени* инструкц* указани* правил* повідомлен*"),
    (
        "reveal",
        "покажи* раскрой* выведи* повтори* напиши* скажи* сообщи* выдай* назови* распечатай* перескажи* покажи розкрий* \
        виведи*",
    ),
    ("told", "сказали сказано дали велели сказал говорили обучили"),
    ("not", "не без никаких нет никогда жодних без"),
    ("follow", "следуй* слушай* выполняй* подчиняйся соблюдай* дотримуйся"),
    ("without", "без"),
    ("now", "теперь сейчас отныне впредь тепер зараз віднині"),
    ("act", "притворись веди действуй представь сыграй играй вдавай уяви"),
    ("free", "неограниченн* нефильтрованн* аморальн* безнравственн*"),
    ("ai", "ии нейросеть ассистент помощник чатбот модель"),
    ("send", "отправь* перешли* пошли* передай* вышли надішли*"),
    ("secret", "пароль пароли пароля паролей ключ ключи токен токены учетные"),
    ("up", "выше"),
    ("what", "какие какая какой что які яка"),
    // Turkish
    ("ignored", "yoksay yoksayin unut unutun gormezden dikkate gec atla yok"),
    ("all", "tum butun her"),
    ("prev", "onceki yukaridaki evvelki ilk gecmis mevcut"),
    ("rules", "talimat* komut* kural* yonerge* emir* kisitlama*"),
    ("limits", "kisitlama* filtre* sansur* ahlak* sinir*"),
    ("fill", "ve veya gelen bu su o lutfen verilen"),
    ("system", "sistem gizli dahili"),
    ("prompt", "istemi istemini promptu promptunu komutunu"),
    ("reveal", "goster soyle yaz tekrarla acikla paylas"),
    ("reveal_last", "goster soyle yaz tekrarla acikla paylas yazdir"),
    // Vietnamese, Indonesian, Malay
    ("ignore", "abaikan lupakan hiraukan"),
    ("forget", "lupakan"),
    ("all", "semua seluruh segala"),
    ("prev", "sebelumnya terdahulu diatas atas"),
    ("rules", "instruksi perintah aturan arahan petunjuk panduan peraturan"),
    ("your", "anda kamu"),
    ("fill", "yang dan atau di ke ini itu tolong"),
    ("system", "sistem rahasia tersembunyi"),
    ("message", "instruksi perintah pesan"),
    ("reveal", "tampilkan ungkapkan tunjukkan ulangi bocorkan cetak beritahu"),
    ("without", "tanpa"),
    ("not", "jangan tidak tanpa"),
    ("limits", "batasan sensor aturan"),
    ("vi_bo", "bo phot lo"),
    ("vi_qua", "qua"),
    ("vi_quen", "quen"),
    ("vi_all", "tat ca moi cac nhung"),
    ("vi_huong", "huong chi quy lenh"),
    ("vi_dan", "dan thi tac dinh lenh"),
    ("vi_prev", "truoc tren"),
    // Arabic, Persian
    ("ignore", "تجاهل تجاهلي تجاهلوا وتجاهل انس انسى أنس نادیده"),
    ("forget", "انس انسى فراموش"),
    ("ignored", "بگیر کن"),
    ("all", "جميع كل كافة كافه همه تمام"),
    ("prev", "السابقة السابقه السابق أعلاه اعلاه قبلی پیشین الأصلية"),
    (
        "rules",
        "التعليمات تعليمات الأوامر اوامر أوامر الاوامر القواعد قواعد الارشادات الإرشادات القيود قيود دستورالعمل* دستورات \
        قوانین التوجيهات تعليماتك قواعدك",
    ),
    ("limits", "قيود القيود رقابة محدودیت*"),
    ("your", "الخاصة بك لك"),
    ("fill", "من و في هذه التي على های را از لي"),
    ("system", "النظام السرية المخفية الداخلية الأصلية سیستم"),
    ("prompt", "موجه مطالبة"),
    ("reveal", "اكشف اعرض أظهر اظهر اطبع كرر اكتب أخبرني اخبرني"),
    ("without", "بدون دون بلا"),
    // Hindi
    ("ignored", "अनदेखा नजरअंदाज नज़रअंदाज़ नज़रअंदाज भूल भुला उपेक्षा अनदेखी अनसुना"),
    ("all", "सभी सारे सब समस्त"),
    ("prev", "पिछले पिछली पूर्व पहले उपरोक्त पुराने"),
    ("rules", "निर्देश निर्देशों नियम नियमों आदेश आदेशों अनुदेश प्रॉम्प्ट"),
    ("fill", "को का के की और मेरे इन कृपया दिए गए"),
    ("system", "सिस्टम गुप्त छिपे आंतरिक"),
    ("prompt", "प्रॉम्प्ट प्रांप्ट"),
    ("reveal_last", "बताओ दिखाओ बताएं दिखाएं प्रकट"),
    // Bengali
    ("ignored", "উপেক্ষা ভুলে অগ্রাহ্য"),
    ("all", "সব সমস্ত সকল"),
    ("prev", "আগের পূর্ববর্তী পূর্বের উপরের"),
    ("rules", "নির্দেশ* নিয়ম* আদেশ*"),
    ("fill", "এবং ও এই যে আপনার তোমার"),
    ("system", "সিস্টেম গোপন"),
    ("prompt", "প্রম্পট*"),
    ("reveal_last", "দেখাও বলো দেখান বলুন প্রকাশ"),
    ("secret", "পাসওয়ার্ড"),
    // Greek, Hebrew
    ("ignore", "αγνόησε αγνοήστε ξέχασε ξεχάστε התעלם התעלמי התעלמו שכח"),
    ("all", "όλες όλα όλους כל"),
    ("prev", "προηγούμεν* παραπάνω הקודמות הקודמים"),
    ("rules", "οδηγί* εντολ* κανόν* ההוראות הוראות ההנחיות הנחיות הכללים"),
    ("fill", "τις τους τα και σου את של"),
    ("system", "συστήματος המערכת"),
    ("reveal", "δείξε αποκάλυψε εμφάνισε הצג חשוף הדפס"),
    // Tagalog
    ("ignore", "kalimutan balewalain"),
    ("all", "lahat"),
    ("prev", "naunang nakaraang"),
    ("rules", "tagubilin utos panuto"),
    ("fill", "ang mga ng iyong"),
    // Japanese, Chinese, Korean, Thai
    ("ignored", "無視 忘れ 破棄 무시* 잊어* 잊고 무시하고"),
    (
        "ignore",
        "忽略 无视 忽視 無視 忘记 忘掉 忘記 不要理会 抛开 忽略掉 不理会 不要遵守 不要遵循 绕过 เพิกเฉย ละเว้น ละเลย ไม่สนใจ ลืม",
    ),
    ("all", "すべて 全て 全部 所有 一切 任何 모든 전부 모두 ทั้งหมด"),
    (
        "prev",
        "以前 これまで 上記 前 先ほど 今まで 之前 以上 先前 上述 前面 上面 原来 此前 이전* 위의 앞의 기존* 지금까지* ก่อนหน้า ข้างต้น",
    ),
    (
        "rules",
        "指示 命令 ルール 規則 プロンプト 制約 制限 指令 规则 規則 提示词 提示 指引 限制 要求 约束 设定 지시* 명령* 규칙* 지침* 프롬프트* 제한* คำสั่ง กฎ คำแนะนำ",
    ),
    ("limits", "制限 制約 検閲 倫理 限制 约束 审查 道德 제한* 검열* 윤리* ข้อจำกัด"),
    ("your", "あなたの 你的 您的 당신의 너의 คุณ"),
    ("you", "あなた 你 您 당신* 너는"),
    ("fill", "の を は が に も と へ 的 了 把 将 和 与 请 您 这些 那些 你 及 중 을 를 ของ ที่"),
    ("system", "システム 内部 隠された 秘密 系统 系統 隐藏 内置 机密 初始 시스템* 숨겨진 내부 ระบบ"),
    ("prompt", "プロンプト 提示词 提示詞 提示 프롬프트* พรอมต์"),
    ("reveal", "显示 顯示 输出 輸出 告诉我 打印 泄露 透露 重复 展示 公开 列出 写出 说出 給我 给我 บอก แสดง เปิดเผย"),
    ("reveal_last", "教えて 表示 出力 見せて 開示 公開 繰り返し 明かし 알려* 보여* 출력* 공개* 말해*"),
    ("without", "ない 没有 没 无 不受 없이 없는"),
    ("act", "扮演 假装 假裝 充当 ふりをして 演じて なりきって 역할*"),
    ("now", "现在 現在 从现在 今後 これから 이제* 지금부터*"),
    ("secret", "密码 密碼 口令 密钥 パスワード 비밀번호*"),
    ("send", "发送 發送 传送 送信 보내*"),
    // Who commands, and that one must; rules that hold no more; what stands instead. Several languages in each.
    (
        "deity",
        "god allah dios dieu gott dio deus бог tanri tuhan diyos jumala zoti dia unkulunkulu mungu 上帝 神 神様 พระเจ้า भगवान ईश्वर",
    ),
    (
        "must",
        "must have need obliged required shall debes debe tienes tiene debeis dois devez musst mussen devi deve dovete moet moeten \
        musisz musicie должен должна должны обязан обязаны повинен мусиш phai harus dapat kailangan zorundasin* trebuie musis maste \
        必须 必須 한다 해야* ต้อง يجب होगा lazima caithfidh feumaidh duhet kumele kufanele",
    ),
    (
        "iam",
        "soy bin ich suis sono sou ben jestem я saya aku ako jag jsem sunt 我是 私は 나는 저는 ฉัน ผม أنا मैं আমি jam mimi",
    ),
    (
        "owner",
        "developer creator administrator admin owner maker programmer maintainer supervisor desarrollador creador administrador programador \
        developpeur createur administrateur entwickler schopfer sviluppatore creatore amministratore desenvolvedor criador ontwikkelaar \
        deweloper tworca разработчик* создатель администратор розробник* gelistirici* yonetici* pengembang utvecklare vyvojar \
        开发者 开发人员 管理员 開発者 管理者 개발자* 관리자* นักพัฒนา ผู้พัฒนา المطور مطورك डेवलपर ডেভেলপার",
    ),
    ("mode", "modo modus modalita modul режим* tryb modu 模式 モード 모드* โหมด मोड وضع mod"),
    ("mode", "systemmodus testmodus wartungsmodus systemlage"),
    (
        "ruling",
        "system security enforcement root god admin administrator sudo override sistema systeme sistem* системн* 系统 系統 システム \
        시스템* ระบบ النظام सिस्टम সিস্টেম",
    ),
    ("apply", "apply applies applicable valid binding hold count exist relevant effect force"),
    (
        "leash",
        "guidelines guardrails safeguards restrictions constraints instructions directives programming ethics filters censorship \
        rules policies safety alignment",
    ),
    ("off", "off optional disabled none suspended bypassed deactivated unlocked inactive expired"),
    ("purpose", "purposes purpose"),
    ("pretext", "testing test academic educational research training debugging demonstration evaluation"),
    ("instead", "instead rather"),
    ("asked", "asked requested"),
    (
        "regardless",
        "independientemente importar indipendentemente unabhangig ongeacht независимо незалежно oavsett независно khong bakilmaksizin \
        不管 无论 不論 関係なく 상관없이* नजरअंदाज",
    ),
    ("skip", "skip drop abandon cancel omit suspend shed"),
];
