"""Versions in file names as real archives write them."""

from __future__ import annotations

import pytest

from ingest.files.versions import edition_of, without_dates


@pytest.mark.parametrize(
    ("stem", "product", "version"),
    [
        ("ac_h0_mfi_20230102_v07", "ac_h0_mfi_20230102", "v07"),
        ("solo_L2_epd-ept-sun-rates_20200603_V02", "solo_L2_epd-ept-sun-rates_20200603", "V02"),
        ("mms1_fpi_fast_l2_des-moms_20151201000000_v3.3.0", "mms1_fpi_fast_l2_des-moms_20151201000000", "v3.3.0"),
        ("C4_CP_EFW_L1_P34__20010226_V110503", "C4_CP_EFW_L1_P34__20010226", "V110503"),
        ("mvn_swi_l2_onboardsvymom_20230827_v02_r01", "mvn_swi_l2_onboardsvymom_20230827", "v02_r01"),
        ("vg1_pws_wf_2023-10-24T03_v1.0", "vg1_pws_wf_2023-10-24T03", "v1.0"),
        ("mms1_fgm_brst_l2", "mms1_fgm_brst_l2", ""),
        ("version_vague", "version_vague", ""),
    ],
)
def test_product_and_version(stem: str, product: str, version: str) -> None:
    edition = edition_of(stem)
    assert (edition.product, edition.version) == (product, version)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("x_v9", "x_v10"),
        ("x_v3.3.0", "x_v3.10.0"),
        ("x_v02_r01", "x_v02_r02"),
        ("x_v02_r09", "x_v03_r01"),
        ("x", "x_v0"),
        ("x_v02", "x_v02_r01"),
        ("x_V110503", "x_V111231"),
    ],
)
def test_numbers_decide_which_is_newer(older: str, newer: str) -> None:
    assert edition_of(older).rank < edition_of(newer).rank


def test_one_version_in_two_spellings() -> None:
    assert edition_of("x_v1").rank == edition_of("x_V01").rank


@pytest.mark.parametrize(
    ("product", "series"),
    [
        ("C4_CP_EFW_L1_P34__20010226_051830_20010226_051836", "C4_CP_EFW_L1_P34"),
        ("psp_fld_l2_mag_rtn_1min_20200104", "psp_fld_l2_mag_rtn_1min"),
        ("vg1_pws_wf_2023-10-24T03", "vg1_pws_wf"),
        ("hermes_nem_default_l1_20160322T123031", "hermes_nem_default_l1"),
        ("mms1_fgm_brst_l2", "mms1_fgm_brst_l2"),
        ("20230101", "20230101"),
    ],
)
def test_the_name_of_a_series(product: str, series: str) -> None:
    assert without_dates(product) == series
