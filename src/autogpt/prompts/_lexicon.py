"""Other words for labels that are often met, by their plain dictionary meaning: sentiment, stance, emotion, spam, ...

A line is a group of words that mean the same; a label that is one of them is also called by the others. Nothing here
comes from a data set; what is missing is left to the words of the pool (`terms`).
"""

from __future__ import annotations

_GROUPS = """
positive / good, great, excellent, praise, happy
negative / bad, poor, terrible, complaint, unhappy
neutral / mixed, neither good nor bad, matter of fact
very positive / excellent, wonderful, outstanding
very negative / terrible, awful, horrible
pro / advantage, benefit, good side, strength
con / disadvantage, drawback, bad side, weakness
pros / advantages, benefits, strengths
cons / disadvantages, drawbacks, weaknesses
strength / advantage, good side
weakness / disadvantage, bad side
subjective / personal opinion, judgement, impression
objective / facts, neutral description, report
opinion / personal view, judgement
fact / factual statement, information
favor / support, agreement, approval
against / opposition, disagreement, rejection
support / agreement, approval
oppose / disagreement, rejection
agree / agreement, consent
disagree / disagreement, dissent
toxic / insulting, hateful, abusive
hate / hateful, insulting, hostile
hateful / hostile, insulting, discriminating
offensive / insulting, rude, vulgar
spam / advertisement, scam, unwanted message
ham / ordinary message, personal message
sarcastic / ironic, mocking
irony / sarcasm, mockery
joy / happiness, delight
sadness / sorrow, grief
anger / rage, annoyance
fear / anxiety, worry
love / affection, tenderness
surprise / astonishment, amazement
disgust / revulsion, dislike
urgent / immediate, critical, emergency
bug / error, defect, something broken
feature / feature request, new function
question / asking for help, request for information
complaint / dissatisfaction, something went wrong
praise / compliment, satisfaction
refund / money back, reimbursement
true / correct, right
false / wrong, incorrect
yes / true, affirmative
no / false, denial
entailment / follows, is implied
contradiction / conflict, is the opposite
sports / sport, athletes, games
business / economy, companies, finance
world / international politics, foreign countries
politics / government, elections
science / research, scientists
technology / computers, software, gadgets
health / medicine, illness
entertainment / film, music, celebrities
正面 / 好评, 好, 满意, 积极
负面 / 差评, 差, 不满, 消极
积极 / 正面, 好, 高兴
消极 / 负面, 差, 失望
好评 / 好, 满意, 喜欢, 推荐
差评 / 差, 不满, 失望, 糟糕
中性 / 一般, 中立, 还可以
中评 / 一般, 还可以
优点 / 好处, 长处, 优势
缺点 / 坏处, 不足, 劣势
主观 / 个人看法, 评价, 感受
客观 / 事实, 客观描述
支持 / 赞成, 同意
反对 / 不同意, 抗议
垃圾 / 广告, 骗局, 垃圾信息
正常 / 普通, 日常
投诉 / 不满, 抱怨, 出了问题
咨询 / 询问, 请问, 想了解
退款 / 退钱, 返还
体育 / 运动, 比赛, 运动员
财经 / 经济, 股票, 金融
科技 / 技术, 电脑, 软件
娱乐 / 电影, 音乐, 明星
时政 / 政治, 政府
健康 / 医疗, 疾病
喜悦 / 高兴, 快乐
悲伤 / 难过, 伤心
愤怒 / 生气, 恼火
恐惧 / 害怕, 担心
"""
SYNONYMS = {
    head.strip(): tuple(word.strip() for word in rest.split(","))
    for head, _, rest in (line.partition("/") for line in _GROUPS.strip().splitlines())
}
