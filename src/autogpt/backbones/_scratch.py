"""A language model from nothing: a tokenizer made of the rows' own texts, and weights drawn at random.

Byte-level byte-pair encoding ("Language Models are Unsupervised Multitask Learners", Radford et al. 2019), so that no
text is unknown; ours lets no token cross a Chinese, Japanese or Korean character, whose texts have no spaces to end at.
Encoder-decoders have the shape of T5 1.1 ("GLU Variants Improve Transformer", Shazeer 2020), decoders that of Llama
("LLaMA", Touvron et al. 2023), encoders that of ModernBERT (Warner et al. 2024): all normalise before each part, and so
learn from nothing without much care.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autogpt.config import Scratch

NAME = "scratch"
"""What a backbone is called that is made and not loaded."""
PAD, EOS, BOS, SEP, MASK = "<pad>", "</s>", "<s>", "<sep>", "<mask>"
SIGNS = (PAD, EOS, BOS, SEP, MASK)
CHARACTERS_PER_TOKEN, VOCABULARY = 120, (600, 8000)
"""A vocabulary has a token for so many characters of the texts, within these bounds: rare tokens are never learned."""
_ALONE = r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]"


def tokenizer(texts: Sequence[str], vocabulary: int | None) -> Any:
    """A byte-level tokenizer of at most `vocabulary` tokens (None: as many as the texts can teach)."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    least, most = VOCABULARY
    size = vocabulary or min(most, max(least, sum(map(len, texts)) // CHARACTERS_PER_TOKEN))
    made = Tokenizer(models.BPE())
    alone = pre_tokenizers.Split(Regex(_ALONE), behavior="isolated")
    made.pre_tokenizer = pre_tokenizers.Sequence([alone, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SIGNS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    named = {"pad_token": PAD, "eos_token": EOS, "bos_token": BOS, "sep_token": SEP, "mask_token": MASK}
    return PreTrainedTokenizerFast(
        tokenizer_object=made, model_max_length=1 << 20, clean_up_tokenization_spaces=False, **named
    )


def model(shape: Scratch, vocabulary: int, *, seed: int) -> Any:
    """transformers' own model of the family with random weights, which depend on `seed` alone."""
    import torch
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made: Any = _MAKERS[shape.family](shape, vocabulary)
    return made


def _encoder_decoder(shape: Scratch, vocabulary: int) -> Any:
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(
        vocab_size=vocabulary,
        d_model=shape.width,
        d_kv=shape.width // shape.num_heads,
        d_ff=2 * shape.width,
        num_layers=shape.num_layers,
        num_decoder_layers=shape.num_layers,
        num_heads=shape.num_heads,
        feed_forward_proj="gated-gelu",
        dropout_rate=0.1,
        pad_token_id=SIGNS.index(PAD),
        eos_token_id=SIGNS.index(EOS),
        decoder_start_token_id=SIGNS.index(PAD),
    )
    return T5ForConditionalGeneration(config)


def _decoder(shape: Scratch, vocabulary: int) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=shape.width,
        intermediate_size=3 * shape.width,
        num_hidden_layers=shape.num_layers,
        num_attention_heads=shape.num_heads,
        max_position_embeddings=2048,
        pad_token_id=SIGNS.index(PAD),
        bos_token_id=SIGNS.index(BOS),
        eos_token_id=SIGNS.index(EOS),
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config)


def _encoder(shape: Scratch, vocabulary: int) -> Any:
    from transformers import ModernBertConfig, ModernBertForMaskedLM

    config = ModernBertConfig(
        vocab_size=vocabulary,
        hidden_size=shape.width,
        intermediate_size=2 * shape.width,
        num_hidden_layers=shape.num_layers,
        num_attention_heads=shape.num_heads,
        max_position_embeddings=2048,
        pad_token_id=SIGNS.index(PAD),
        bos_token_id=SIGNS.index(BOS),
        eos_token_id=SIGNS.index(EOS),
        cls_token_id=SIGNS.index(BOS),
        sep_token_id=SIGNS.index(SEP),
    )
    return ModernBertForMaskedLM(config)


_MAKERS = {"encoder-decoder": _encoder_decoder, "decoder": _decoder, "encoder": _encoder}
