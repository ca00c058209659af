"""What a goal sentence says about the task, in English or Chinese.

A goal is evidence, never a command: `schema.py` weighs it against what the columns hold. A hint is `strong` when the
words leave no other reading ("named entities"), else it only tips the scale ("find", "predict").
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from autogpt.data.words import CJK, vocabulary

_ENTITY = (
    r"named.entit|\bentit(y|ies)|\bner\b|\bspans?\b|\bslots?\b|\bbio\b|\btoken|part.of.speech|\bpos.tag"
    r"|\b(find|extract|mark|highlight|locate|recogni[sz]e|spot|pull out|label|tag|detect|pick out|identify|get)\b"
    r".{0,50}\b(names?|persons?|people|places?|locations?|organi[sz]ations?|compan(y|ies)|products?|mentions?|dates?"
    r"|words?|times?|phrases?|addresses|cities|fields|details|values|drugs?|genes?|diseases?)\b"
    r"|实体|命名|人名|地名|机构名|槽位|槽值|抽取|提取|序列标注|找出.{0,12}(名|词|地点|人物|时间|日期)|标出|词性|分词"
)
_MULTI = (
    r"multi.?label|that (all )?appl(y|ies)|one or more|more than one|any number of|\btags\b"
    r"|\b(all|any|every|which)\b.{0,24}\b(topics|labels|tags|intents|categories|themes|genres|emotions|types|kinds|aspects"
    r"|issues|classes|keywords|subjects|problems|reasons)\b"
    r"|\bmulti(ple|-)? ?(labels|tags|topics|intents|categories)\b"
    r"|several (labels|tags|topics|intents) (per|for|to) "
    r"|\b(topics|labels|tags|intents|themes|genres|emotions)\b.{0,16}\b(each|every|a|per|of)\b"
    r"|多标签|多个(标签|类别|主题|意图)|所有.{0,8}(标签|类别|主题|意图|话题)|哪些|(全部|所有)(适用|相关|符合)|打标签"
)
_SINGLE = r"\bone of\b|\bsingle\b|exactly one|\bwhich (one|class|category|intent|topic)\b|其中一|哪一|哪个|单标签"
_VALUE = (
    r"\bhow (much|many|similar|likely|good|bad|old|severe|toxic|positive|negative|expensive|long|close|alike|well"
    r"|strong(ly)?|related|readable|difficult|hard|formal|funny|angry|happy|satisfied|important|relevant)\b"
    r"|\bratings?\b|\bscor(e|es|ing)\b|\bstars?\b|\bgrades?\b|\bprices?\b|\bsimilarity\b|\bestimat|\bregress"
    r"|\bon a scale|\bpercent|\bamount\b|\bnumber of\b|\bdegree\b|\bnumeric|\bsalary\b|\bcosts?\b|\bage\b|\bseverity\b"
    r"|\brevenue\b|\bintensity\b|\bdemand\b|\bduration\b|\brate how\b|\blevel of\b"
    r"|评分|打分|分数|得分|相似度|相似程度|多相似|有多|几星|星级|多少|价格|数值|程度|回归|销量|估计|几分|年龄|工资|时长"
)
_CLASS = (
    r"\bclassif|\bcategor|\brout(e|ing)\b|\bintents?\b|\bsentiments?\b|\bspam\b|\btopics?\b|\bkinds?\b|\btypes?\b"
    r"|\bclass(es)?\b|\bwhether\b|\bis (it|this|the|a)\b|\bdetect|\bpolarity\b|\bpositive or negative\b"
    r"|\bwhich (language|author|source|country|kind)\b|\bsort (the|these|into)\b|\blabels?\b|\bdecide\b|\bfilter\b"
    r"|\bflag\b|\btell\b.{0,40}\b(from|apart|if|whether)\b|\bpositive\b.{0,12}\bnegative\b|\bfraud|\bdistinguish"
    r"|\bassign\b|\bpredict (the )?(class|label|category|intent|topic|department|team|relation)"
    r"|\brelation\b|\bentail|\bparaphras|\bduplicate|\bmoderat|\btriage\b"
    r"|分类|归类|类别|意图|情感|是否|判断|路由|主题|垃圾|分到|分派|极性|好评|差评|正面|负面|区分|属于|识别|是不是"
)
_PAIR = (
    r"\b(two|both|a pair of|pairs? of|the) (short )?(sentence pairs?|texts|questions|pairs?|passages|snippets|titles)\b"
    r"|\b(two|both|pairs? of) (sentences|statements|messages)\b|\bsentence.pairs?\b|\bsimilar(ity)?\b|\bparaphras"
    r"|\bentail|\bduplicate questions?|\bsame (meaning|thing|question)\b|\bpremise\b|\bhypothesis\b|\bcontradict"
    r"|\beach other\b|\bmatch(es|ing)?\b.{0,20}\bquery\b"
    r"|两个?(句子|句|文本|问题|段)|句对|相似|蕴含|同义|语义相同|是否相同|前提|假设|匹配"
)
_FUTURE = (
    r"\bforecast|\bfuture\b|\bnext (day|week|month|quarter|year|season)|\bupcoming\b|\bin advance\b|\bahead of time\b"
    r"|\btomorrow|未来|下(个|一)?(月|周|季度|年|星期)|明天|明年|提前预"
)
_SORT_WORD = r"\bclassif|\bcategori[sz]|\bsort\b|分类|归类|\broute\b|\btriage\b"
_MEASURE_WORD = r"\bregress|\bestimat|\bhow \w+|\bon a scale|\brate\b|打分|回归|多少|有多|程度|预测.{0,12}分"
_STOP = vocabulary(
    "a an the of to in on by for with from and or is are it its this that these those be each every all any into which",
    "what who how whether predict classify find label tag text texts message messages sentence sentences row rows",
    "column data set dataset task model please i want need my our their his her as at if not no one two use using",
    "based given me you we them will would can should do does did has have get give assign decide detect identify",
)
_HOW = r"\bhow (?!is|are|to|do|does|can|it|we|you|the\b)\w+ (is|are|was|were|will|does|do|the|a|it|this|each)\b"
_SORTS = vocabulary(
    "type types kind kinds category categories class classes group label labels tag tags is has ind indicator flag"
)
_SORTS_ZH = r"(类型|种类|类别|分类|标签)$"
_SORTED = r"\b(which|what|right|correct|proper)"
_ALIKE = (
    vocabulary("rating ratings rate score scores star stars grade grades points"),
    vocabulary("fake fraud fraudulent scam hoax bogus"),
    vocabulary("department team queue"),
    vocabulary("priority urgency urgent severity"),
    vocabulary("price cost"),
    vocabulary("salary wage pay"),
    vocabulary("ner entity entities"),
    vocabulary("pos speech"),
)
"""Words for one thing: a goal that has one of them means a column that has another."""
_IN_CHINESE = tuple(
    (vocabulary(english), tuple(chinese.split()))
    for english, chinese in (
        ("category categories cat class type kind", "类别 类目 品类 分类 种类 类型"),
        ("department team queue", "部门 科室 团队 小组"),
        ("priority urgency urgent severity", "优先级 紧急 严重"),
        ("rating ratings score scores star stars grade", "评分 打分 分数 得分 星级 几星 几分"),
        ("price cost", "价格 售价 费用"),
        ("salary wage pay", "工资 薪资 薪水 月薪"),
        ("sentiment polarity emotion mood", "情感 极性 情绪 好评 差评"),
        ("intent intention", "意图"),
        ("topic subject theme", "主题 话题"),
        ("domain", "领域"),
        ("language lang", "语言 语种"),
        ("author", "作者"),
        ("reason cause", "原因"),
        ("accusation charge crime offence", "罪名"),
        ("tag tags labels", "标签"),
        ("keyword keywords", "关键词"),
        ("title headline", "标题"),
        ("rumor rumour rumors", "谣言"),
        ("spam junk", "垃圾"),
        ("fake fraud fraudulent scam", "虚假 造假 欺诈 诈骗"),
        ("toxic abuse abusive hate offensive", "辱骂 仇恨 攻击 侮辱"),
        ("sarcasm sarcastic irony", "讽刺 反讽"),
        ("sales", "销量"),
        ("product item", "产品 商品"),
        ("brand", "品牌"),
        ("gender sex", "性别"),
        ("age", "年龄"),
        ("country", "国家"),
        ("city", "城市"),
        ("relation", "关系"),
        ("stance", "立场"),
        ("similarity", "相似"),
        ("difficulty level", "难度"),
        ("genre", "体裁 流派"),
        ("style", "风格"),
        ("diagnosis disease", "诊断 疾病"),
        ("status", "状态"),
        ("quality", "质量"),
        ("risk", "风险"),
        ("churn churned", "流失"),
    )
)
"""The same across the two languages: columns are often called in English where goals are Chinese."""
_ASKS_FIRST = r"^(is|are|was|were|does|do|did|will|would|has|have|had|can|could|should)\b(?! you\b)"
_WHETHER_ZH = r"^(是否为?|是不是|有无|能否)"


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal sentence with what it hints at."""

    text: str
    token: bool
    multi: bool
    single: bool
    value: bool
    classes: bool
    pair: bool
    future: bool

    @property
    def yes_or_no(self) -> bool:
        """Whether it asks for one of two answers: "is it spam?", and not "what is it about?"."""
        asked = re.search(
            _ASKS_FIRST + r"|\bwhether\b|\bis (it|this)\b|是否|是不是|\bif (it|the|a)\b", self.text.lower()
        )
        return asked is not None and not re.search(r"\b(which|what|how)\b[^?.!]*\bis (it|this)\b", self.text.lower())

    @property
    def any_task(self) -> bool:
        return self.token or self.multi or self.value or self.classes

    def mentions(self, phrase: str) -> bool:
        """Whether the goal names this column or label: every word of it, stems compared."""
        parts = _tokens(phrase)
        said = _tokens(self.text)
        if not parts or all(part in _STOP for part in parts):
            return False
        if re.search(rf"[{CJK}]", phrase):
            return phrase.strip().lower() in self.text.lower() and len(phrase.strip()) >= 2
        return all(any(_same_stem(part, word) for word in said) or _made_of(part, said) for part in parts)

    def spells(self, column: str) -> bool:
        """Whether the goal has each word of a column's name as it is written."""
        measured = re.search(r"\bhow ([a-z]+)", self.text.lower())  # "how intense is the emotion" means `intensity`
        parts = _tokens(column)
        return set(parts) <= set(_tokens(self.text)) or (
            measured is not None and len(parts) == 1 and _same_stem(measured[1], parts[0])
        )

    def reads_only(self, column: str) -> bool:
        """Whether it says what is read: "guess the variety from the description"."""
        after = re.search(
            r"\b(?:from|based on|given|using|by reading)\b(.*)|(?:根据|从|基于|通过)(.*)", self.text.lower()
        )
        said = next((part for part in after.groups() if part), "") if after else ""
        return bool(said) and replace(self, text=said).mentions(column)

    def asks_about(self, column: str) -> bool:
        """Whether the goal means a column without its whole name: "which kind of bias" asks about `bias_type`, "which
        department" about `Department Name`, "find fakes" about `fraudulent`."""
        parts = _tokens(re.sub(_SORTS_ZH, " type", column))
        topic = " ".join(part for part in parts if part not in _SORTS)
        if topic.endswith(" name") and re.search(rf"{_SORTED} {re.escape(topic[:-5])}\b", self.text.lower()):
            return True
        if topic != " ".join(parts) and any(map(str.isalpha, topic.split())) and self.mentions(topic):
            return True
        said = _tokens(self.text)
        if any(not group.isdisjoint(parts) and not group.isdisjoint(said) for group in _ALIKE):
            return True
        return self._means_in_chinese(column, parts, said)

    def _means_in_chinese(self, column: str, parts: Sequence[str], said: Sequence[str]) -> bool:
        """The same in Chinese, where words have no spaces between them: "是不是谣言" asks about `是否谣言` and `rumor`,
        "哪个部门" about `处理部门`, whose last word says what it is."""
        for english, chinese in _IN_CHINESE:
            if not english.isdisjoint(parts) and any(word in self.text for word in chinese):
                return True
            if not english.isdisjoint(said) and any(word in column for word in chinese):
                return True
        topic = re.sub(_SORTS_ZH, "", re.sub(_WHETHER_ZH, "", column.strip()))
        if not re.fullmatch(rf"[{CJK}]{{2,}}", topic):
            return False
        return topic in self.text or (len(topic) >= 4 and topic[-2:] in self.text)

    def mentioned(self, labels: Iterable[str]) -> list[str]:
        """The labels that the goal names."""
        return [label for label in labels if self.mentions(label)]


def read(text: str) -> Goal:
    """The hints of a goal sentence (none, when it is empty)."""
    lowered = text.lower()

    def found(pattern: str) -> bool:
        return re.search(pattern, lowered) is not None

    single = found(_SINGLE)
    # "classify reviews by stars" asks for classes; the noun alone does not ask for a number.
    classes_wanted = found(_SORT_WORD) and not found(_MEASURE_WORD)
    asks_how = found(_HOW) and not classes_wanted
    return Goal(
        text=text,
        token=found(_ENTITY),
        multi=found(_MULTI) and not single,
        single=single,
        value=asks_how or (found(_VALUE) and not classes_wanted),
        classes=(found(_CLASS) or found(_ASKS_FIRST)) and not asks_how,
        pair=found(_PAIR),
        future=found(_FUTURE),
    )


def _tokens(text: str) -> list[str]:
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", text)
    return [part for part in re.split(rf"[^a-z0-9{CJK}]+", spaced.lower()) if part]


def _made_of(part: str, said: Sequence[str]) -> bool:
    """`negativereason` of "the reason of a negative tweet": two words of the goal in one."""
    ends = [word for word in said if len(word) >= 4 and part.startswith(word)]
    return any(len(word) + 4 <= len(part) and part[len(word) :] in said for word in ends)


def _same_stem(a: str, b: str) -> bool:
    """`hate`/`hateful`, `category`/`categories`: the shorter word's first four fifths open the longer one."""
    if a == b:
        return True
    short, long = sorted((a, b), key=len)
    if len(short) < 4 or not a.isascii() or not b.isascii():
        return False
    return long.startswith(short[: max(4, math.ceil(len(short) * 0.8))])
